// The controllers of a cluster as a flag or a setting has them: `1@host:port,2@host:port`, the same on every node.
import { parseBootstrap } from '../../core/client/address.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { PeerAddress } from '../../core/server/index.ts';

/** @throws Fault `BAD_SETTINGS`, `BAD_ADDRESS` */
export function parseControllers(text: string): readonly PeerAddress[] {
  const found = text.split(',').map((entry): PeerAddress => {
    const [, id, address] = /^(\d+)@(.+)$/.exec(entry.trim()) ?? [];
    if (id === undefined)
      throw bad(`'${entry.trim()}' is no controller; write id@host:port, several with commas between`);
    return { nodeId: Number(id), ...parseBootstrap(address!)[0]! };
  });
  const twice = found.find(({ nodeId }, i) => found.findIndex((one) => one.nodeId === nodeId) < i);
  if (twice !== undefined) throw bad(`controller ${twice.nodeId} is there twice`);
  return found;
}

const bad = (problem: string) => new Fault('BAD_SETTINGS', { of: 'the cluster', problems: [problem] });
