-- Sends exactly WRK_REQUESTS requests of mixed kinds over all connections, then keeps still.
local total = tonumber(os.getenv("WRK_REQUESTS"))
local mix = {}
local begun, answered, turn = 0, 0, 0

local function add(times, request)
    for _ = 1, times do
        mix[#mix + 1] = request
    end
end

function init(args)
    local plain = { Host = wrk.headers["Host"] }
    local once = { Host = wrk.headers["Host"], Connection = "close" }
    local zip = { Host = wrk.headers["Host"], ["Accept-Encoding"] = "gzip" }
    local chunks = "POST /form HTTP/1.1\r\nHost: " .. wrk.headers["Host"] ..
        "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    add(20, wrk.format("GET", "/small", plain))
    add(1, wrk.format("GET", "/large", plain))
    add(4, wrk.format("GET", "/zipped", zip))
    add(4, wrk.format("POST", "/form", plain, "card=4242"))
    add(1, wrk.format("POST", "/form", plain, string.rep("x", 100000)))
    add(4, chunks)
    add(4, wrk.format("GET", "/absent", plain))
    add(4, wrk.format("GET", "/broken", plain))
    add(8, wrk.format("GET", "/small?connection=once", once))
end

-- wrk asks each connection how long to wait, then for what to send. Several may be asked before one sends, so it is
-- here that requests are counted. (request is also called once without sending, to see whether it holds several.)
function delay()
    if begun == total then
        return 3600000
    end
    begun = begun + 1
    return 0
end

function request()
    turn = turn + 1
    return mix[turn % #mix + 1]
end

function response()
    answered = answered + 1
    if answered == total then
        wrk.thread:stop()
    end
end
