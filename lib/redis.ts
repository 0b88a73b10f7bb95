/** missive-ts/redis: Redis Streams and Pub/Sub as sources, and dead letters in Redis. Needs ioredis. */
export type { RedisLike, RedisTarget } from './redis/like.js'
export type { StreamEntry } from './redis/entry.js'
export { streamEntryOf } from './redis/entry.js'
export type { RedisStreamOptions } from './interpreters/redis-stream.js'
export { redisStream, redisStreamSource } from './interpreters/redis-stream.js'
export type { RedisDlq, RedisDlqOptions } from './dlq/redis.js'
export { redisDlq } from './dlq/redis.js'
