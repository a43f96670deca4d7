// What runs on the server, in its Lua. KEYS: values, versions, order, last. Numbers are written with %.0f, because Lua's are
// doubles: versions stay below 2^53, and sums are left to the server, which counts with 64 bits.
namespace Mote.Backends.Redis;

internal static class Scripts
{
    /// <summary>The value and its version.</summary>
    public const string Get = "return { redis.call('HGET', KEYS[1], ARGV[1]), redis.call('HGET', KEYS[2], ARGV[1]) }";

    /// <summary>
    /// A number that was never given before: it counts from the time at which the store began, so that it does not begin
    /// again where the server has forgotten the store. A key keeps the place it first had.
    /// </summary>
    private const string Touch = """
        local function touch(key)
          if redis.call('EXISTS', KEYS[4]) == 0 then
            local now = redis.call('TIME')
            redis.call('SET', KEYS[4], string.format('%.0f', now[1] * 1000000 + now[2]))
          end
          local number = string.format('%.0f', redis.call('INCR', KEYS[4]))
          redis.call('HSET', KEYS[2], key, number)
          redis.call('ZADD', KEYS[3], 'NX', number, key)
        end

        """;

    /// <summary>Keys and values by turns.</summary>
    public const string Put = Touch + """
        for i = 1, #ARGV, 2 do
          redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
          touch(ARGV[i])
        end
        """;

    /// <summary>A key, a value, and the version that must be there; empty where there must be no value. Gives 1 where it was so.</summary>
    public const string Swap = Touch + """
        local now = redis.call('HGET', KEYS[2], ARGV[1])
        if (now or '') ~= ARGV[3] then return 0 end
        redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
        touch(ARGV[1])
        return 1
        """;

    /// <summary>Keys.</summary>
    public const string Delete = """
        for i = 1, #ARGV do
          redis.call('HDEL', KEYS[1], ARGV[i])
          redis.call('HDEL', KEYS[2], ARGV[i])
          redis.call('ZREM', KEYS[3], ARGV[i])
        end
        """;

    /// <summary>A key, a step, and the least that the sum may be. Gives the sum behind `=`, or why there is none: `number`, `overflow`, or the sum that would be too small.</summary>
    public const string Increment = Touch + """
        local function less(a, b)
          local an, bn = a:sub(1, 1) == '-', b:sub(1, 1) == '-'
          if an ~= bn then return an end
          if an then a, b = b:sub(2), a:sub(2) end
          if #a ~= #b then return #a < #b end
          return a < b
        end
        local before = redis.call('HGET', KEYS[1], ARGV[1])
        local done = redis.pcall('HINCRBY', KEYS[1], ARGV[1], ARGV[2])
        if type(done) == 'table' and done.err then
          if string.find(done.err, 'overflow', 1, true) then return 'overflow' end
          if string.find(done.err, 'integer', 1, true) then return 'number' end
          return redis.error_reply(done.err)
        end
        local sum = redis.call('HGET', KEYS[1], ARGV[1])
        if less(sum, ARGV[3]) then
          if before then redis.call('HSET', KEYS[1], ARGV[1], before) else redis.call('HDEL', KEYS[1], ARGV[1]) end
          return sum
        end
        touch(ARGV[1])
        return '=' .. sum
        """;
}
