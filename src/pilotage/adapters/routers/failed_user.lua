-- Hashes the user of a failed request for the log of failures, so that no cookie stands there in clear.
-- HalfSipHash-2-4 with 64 bits (https://www.aumasson.jp/siphash/), keyed by this router's salt.
local file = io.open(SALT_FILE)
local salt = file:read("*a")
file:close()

local add, xor, rotl, lshift = bit.tobit, bit.bxor, bit.rol, bit.lshift
local K0, K1 = tonumber(salt:sub(1, 8), 16), tonumber(salt:sub(9, 16), 16)

local function round(v0, v1, v2, v3)
  v0 = add(v0 + v1); v1 = xor(rotl(v1, 5), v0); v0 = rotl(v0, 16)
  v2 = add(v2 + v3); v3 = xor(rotl(v3, 8), v2)
  v0 = add(v0 + v3); v3 = xor(rotl(v3, 7), v0)
  v2 = add(v2 + v1); v1 = xor(rotl(v1, 13), v2); v2 = rotl(v2, 16)
  return v0, v1, v2, v3
end

local function rounds(n, v0, v1, v2, v3)
  for _ = 1, n do v0, v1, v2, v3 = round(v0, v1, v2, v3) end
  return v0, v1, v2, v3
end

local function hash(text)
  local v0, v1, v2, v3 = add(K0), xor(K1, 0xee), xor(K0, 0x6c796765), xor(K1, 0x74656462)
  local words = math.floor(#text / 4)
  for i = 0, words do
    local m = 0
    for j = 0, 3 do m = xor(m, lshift(text:byte(4 * i + j + 1) or 0, 8 * j)) end
    if i == words then m = xor(m, lshift(#text, 24)) end
    v3 = xor(v3, m)
    v0, v1, v2, v3 = rounds(2, v0, v1, v2, v3)
    v0 = xor(v0, m)
  end
  v0, v1, v2, v3 = rounds(4, v0, v1, xor(v2, 0xee), v3)
  local high = xor(v1, v3)
  v0, v1, v2, v3 = rounds(4, v0, xor(v1, 0xdd), v2, v3)
  return bit.tohex(high) .. bit.tohex(xor(v1, v3))
end

local function user(handle)
  local state = handle:streamInfo():filterState()
  local given = state:get(GIVEN)
  if given and COOKIE ~= "" then
    given = (";" .. given):match(";%s*" .. COOKIE .. "=([^;%s][^;]*)")
  end
  return given or state:get(USER)
end

function envoy_on_response(handle)
  -- A gRPC call may yet fail: its status comes after its answer, too late to hash.
  if handle:headers():get("grpc-status") == "0" then return end
  local known = user(handle)
  if known then handle:streamInfo():dynamicMetadata():set("pilotage", "user", hash(known)) end
end
