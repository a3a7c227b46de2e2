// Where a node listens, as people write it. Imports next to nothing: who only reads an address loads no client.
import { Fault } from '../kernel/fault.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export const addressName = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/**
 * @param bootstrap `host:port`, several with commas between; IPv6 as `[::1]:9092`
 * @throws Fault `BAD_ADDRESS`
 */
export function parseBootstrap(bootstrap: string): readonly Address[] {
  return bootstrap.split(',').map((entry) => {
    const found = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(entry.trim());
    const port = Number(found?.[3]);
    if (found === null || port < 1 || port > 65_535) throw new Fault('BAD_ADDRESS', { given: entry.trim() });
    return { host: (found[1] ?? found[2])!, port };
  });
}
