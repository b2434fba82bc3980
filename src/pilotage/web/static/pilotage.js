// What pages gain by a script; each of them works without.
import { keepLive } from "./live.js";
import { listen } from "./keys.js";

keepLive();
listen();
