// CRC-32C (Castagnoli), the checksum of record batches. `crc32c('123456789')` is 0xe3069283 (RFC 3720, B.4).
import { crc32c as native } from '@node-rs/crc32';

/** Unsigned 32-bit checksum of `bytes`. */
export const crc32c = (bytes: Uint8Array): number => native(bytes);
