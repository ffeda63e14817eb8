-- Sends WRK_REQUESTS requests, WRK_DEPTH of them at once on a connection before it waits for an answer, then keeps still.
local total = tonumber(os.getenv("WRK_REQUESTS"))
local depth = tonumber(os.getenv("WRK_DEPTH"))
local begun, answered = 0, 0
local batch

function init(args)
    local kinds = {
        wrk.format("GET", "/small"),
        wrk.format("GET", "/absent"),
        wrk.format("GET", "/zipped", { Host = wrk.headers["Host"], ["Accept-Encoding"] = "gzip" }),
        wrk.format("POST", "/form", nil, "card=4242"),
    }
    local requests = {}
    for i = 1, depth do
        requests[i] = kinds[i % #kinds + 1]
    end
    requests[1] = wrk.format("GET", "/small") -- what shows that there are several: a body hides the next head
    batch = table.concat(requests)
end

-- As in mixed.lua, it is here that requests are counted.
function delay()
    if begun >= total then
        return 3600000
    end
    begun = begun + depth
    return 0
end

function request()
    return batch
end

function response()
    answered = answered + 1
    if answered == total then
        wrk.thread:stop()
    end
end
