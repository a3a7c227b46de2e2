// Prepares a message for postMessage. Structured clone copies the whole buffer under a view, and twice; so all bytes of a
// message are copied once into a buffer of exactly their size, which is handed over. The original stays whole: a batch
// may be sent again, and a fetched one is in the node's cache.

export interface Packed {
  readonly packed: unknown;
  readonly transfer: ArrayBuffer[];
}

/** @returns the message with its bytes as views of one buffer, and that buffer */
export function pack(message: unknown): Packed {
  const bytes = countBytes(message);
  if (bytes === 0) return { packed: message, transfer: [] };
  const buffer = Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer;
  const target = { bytes: new Uint8Array(buffer), at: 0 };
  return { packed: rebuild(message, target), transfer: [buffer] };
}

function countBytes(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (value instanceof Uint8Array) return value.length;
  let sum = 0;
  if (Array.isArray(value)) for (const item of value) sum += countBytes(item);
  else for (const key in value) sum += countBytes((value as Record<string, unknown>)[key]);
  return sum;
}

function rebuild(value: unknown, target: { readonly bytes: Uint8Array; at: number }): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) {
    const start = target.at;
    target.bytes.set(value, start);
    target.at += value.length;
    return target.bytes.subarray(start, target.at);
  }
  if (Array.isArray(value)) return value.map((item) => rebuild(item, target));
  const copy: Record<string, unknown> = {};
  for (const key in value) copy[key] = rebuild((value as Record<string, unknown>)[key], target);
  return copy;
}
