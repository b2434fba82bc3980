"""The words of Pilotage as frozen types, shared by every layer; nothing here decides or does anything."""
