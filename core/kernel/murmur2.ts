// Kafka's partition hash, so that Java, librdkafka (murmur2_random) and Millrace put a key into the same partition.
// After org.apache.kafka.common.utils.Utils.murmur2: seed 0x9747b28c, little-endian words.

const m = 0x5bd1e995;

/** Signed 32-bit hash. */
export function murmur2(key: Uint8Array): number {
  const length = key.length;
  let hash = 0x9747b28c ^ length;
  const words = length >> 2;
  for (let i = 0; i < words; i++) {
    const at = i << 2;
    let k = key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    hash = Math.imul(hash, m) ^ Math.imul(k, m);
  }
  const tail = words << 2;
  if (length - tail === 3) hash ^= key[tail + 2]! << 16;
  if (length - tail >= 2) hash ^= key[tail + 1]! << 8;
  if (length - tail >= 1) hash = Math.imul(hash ^ key[tail]!, m);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, m);
  return (hash ^ (hash >>> 15)) | 0;
}

/** Partition of a key, as Kafka's default partitioner: the hash's low 31 bits modulo the count. */
export const partitionForKey = (key: Uint8Array, partitions: number): number =>
  (murmur2(key) & 0x7fffffff) % partitions;
