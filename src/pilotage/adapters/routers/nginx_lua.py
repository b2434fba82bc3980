"""Mode lua: splits and instances are in a dictionary that all workers of nginx share, and no change needs a reload.

The dictionary survives reloads. After a restart it is empty, and the first request fills it from the owned file. Each
worker parses a state once. The code uses nothing but what the Lua module itself brings: no JSON library, and none of
the `init` blocks, of which a configuration may have only one.
"""

from __future__ import annotations

_STATE = """
        local dict = ngx.shared.@P@
        local generation = dict:get("generation")
        if not generation then
            local kept = ngx.decode_base64(ngx.var.@P@_kept)
            dict:safe_add("state", kept)
            dict:add("generation", kept:match("^generation (%S+)\\n"))
            generation = dict:get("generation")
        end
"""
"""What is served, or was when the owned file was last written."""

_CHOOSE = """rewrite_by_lua_block {
        local memory = package.loaded["@P@"]
        if not memory then
            memory = {down = {}, turn = {}, peers = {}, weights = {}, routes = {}, members = {}}
            package.loaded["@P@"] = memory
        end
@STATE@
        if memory.generation ~= generation then
            local text, plain = dict:get("state"), ngx.unescape_uri
            local peers, weights, routes, members = {}, {}, {}, {}
            memory.cohort = nil
            for row in text:gmatch("[^\\n]+") do
                local word, rest = row:match("^(%S+) (.*)$")
                if word == "generation" then
                    memory.generation = rest
                elseif word == "closed" then
                    memory.closed = rest == "yes"
                elseif word == "weight" then
                    local weight, version = rest:match("^(%d+) (%S+)$")
                    weights[#weights + 1] = {tonumber(weight), plain(version)}
                elseif word == "route" then
                    local header, value, version = rest:match("^(%S+) (%S*) (%S+)$")
                    local variable = "http_" .. plain(header):lower():gsub("-", "_")
                    routes[#routes + 1] = {variable, plain(value), plain(version)}
                elseif word == "cohort" then
                    local header, version = rest:match("^(%S+) (%S+)$")
                    memory.cohort, memory.tenant = plain(version), plain(header):lower()
                elseif word == "member" then
                    members[plain(rest)] = true
                elseif word == "peer" then
                    local _, ip, port, version = rest:match("^(%S+) (%S+) (%d+) (%S+)$")
                    version, ip = plain(version), plain(ip)
                    if ip:find(":", 1, true) then ip = "[" .. ip .. "]" end
                    peers[version] = peers[version] or {}
                    table.insert(peers[version], {ip, tonumber(port), ip .. ":" .. port})
                end
            end
            memory.peers, memory.weights, memory.routes, memory.members = peers, weights, routes, members
            memory.whole = 0
            for _, share in ipairs(weights) do
                if share[2] ~= memory.cohort then memory.whole = memory.whole + share[1] end
            end
        end
        local version, kind
        for _, route in ipairs(memory.routes) do
            if ngx.var[route[1]] == route[2] then
                version, kind = route[3], "testers"
                break
            end
        end
        if not version and memory.closed then
            ngx.status = 503
            ngx.header["Content-Type"] = "text/html; charset=utf-8"
            ngx.header["Retry-After"] = "120"
            ngx.print(ngx.var.@P@_page)
            return ngx.exit(503)
        end
        if not version and memory.cohort then
            local value = ngx.var["http_" .. memory.tenant:gsub("-", "_")]
            -- Some versions of nginx show the first value of a header that is sent twice: that is nobody's.
            if memory.members[value or ""] and ngx.req.get_headers(0)[memory.tenant] == value then
                version = memory.cohort
            end
        end
        if not version then
            -- The first version of a split has the lowest numbers: its users keep it while it grows.
            local a, b, c, d = ngx.md5_bin(ngx.var.@P@_user):byte(1, 4)
            local number, below = (((a * 256 + b) * 256 + c) * 256 + d) % memory.whole, 0
            for _, share in ipairs(memory.weights) do
                if share[2] ~= memory.cohort then below = below + share[1] end
                if number < below then
                    version = share[2]
                    break
                end
            end
        end
        if ngx.var.@P@_synthetic ~= "" then kind = "synthetic" end
        ngx.var.@P@_version, ngx.var.@P@_kind = version or "", kind or ""
        ngx.var.@P@_release = (version or ""):gsub("~baseline$", "")
        local peers = memory.peers[version]
        if not peers then return ngx.exit(503) end
        local turn = (memory.turn[version] or math.random(1000)) + 1
        memory.turn[version] = turn
        ngx.ctx.@P@ = {peers = peers, turn = turn, tried = 0}
    }"""

_BALANCE = """    balancer_by_lua_block {
        local balancer = require "ngx.balancer"
        local memory, request = package.loaded["@P@"], ngx.ctx.@P@
        local peers, down, now = request.peers, memory.down, ngx.now()
        if request.last then
            down[request.last] = now + 1
        elseif #peers > 1 then
            balancer.set_more_tries(math.min(#peers, 3) - 1)
        end
        -- nginx may try more often than was set: a kept connection that broke does not count.
        local peer
        for step = 0, #peers - 1 do
            local one = peers[(request.turn + request.tried + step) % #peers + 1]
            if not down[one[3]] or down[one[3]] <= now then
                peer = one
                break
            end
        end
        peer = peer or peers[(request.turn + request.tried) % #peers + 1]
        request.tried, request.last = request.tried + 1, peer[3]
        local ok, why = balancer.set_current_peer(peer[1], peer[2])
        if not ok then
            ngx.log(ngx.ERR, "no connection to ", peer[3], ": ", why)
            return ngx.exit(502)
        end
    }"""

_CONTROL = """        content_by_lua_block {
@STATE@
        if ngx.req.get_method() == "POST" then
            ngx.req.read_body()
            local sent = ngx.decode_base64(ngx.req.get_body_data() or "")
            generation = sent and sent:match("^generation (%S+)\\n")
            if not generation then return ngx.exit(400) end
            -- The state before its number: who finds the new number finds its state.
            local ok, why = dict:set("state", sent)
            if ok then ok, why = dict:set("generation", generation) end
            if not ok then
                ngx.status = 507
                ngx.print(why)
                return
            end
        end
        ngx.print("config @CONFIG@ ", ngx.worker.pid(), "\\n", ngx.encode_base64(dict:get("state")))
    }"""


def choose(p: str) -> str:
    """In the location: which version this user gets. p: what every name begins with."""
    return _CHOOSE.replace("@STATE@", _STATE).replace("@P@", p)


def balance(p: str) -> str:
    """In the upstream: which instance of it."""
    return _BALANCE.replace("@P@", p)


def control(p: str, config: str) -> str:
    """In the guarded location: what is served, and, by POST, what shall be."""
    return _CONTROL.replace("@STATE@", _STATE).replace("@P@", p).replace("@CONFIG@", config)
