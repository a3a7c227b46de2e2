// gzip by node:zlib.
import { gunzipSync, gzipSync } from 'node:zlib';
import { broken, type Codec, decompressedBytesMax, tooLarge } from './codec.ts';

export const gzip: Codec = {
  compress: (bytes, level) => gzipSync(bytes, level === undefined ? {} : { level }),
  decompress(bytes, sizeMax = decompressedBytesMax) {
    try {
      return gunzipSync(bytes, { maxOutputLength: sizeMax });
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
        ? tooLarge('gzip', sizeMax)
        : broken('gzip', error);
    }
  },
};
