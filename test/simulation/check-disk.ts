// State as it stands on the disk of a host that is down, against the changelog it was made of: not ahead of it, and the
// same as a replay of the changelog up to where the state says it has come.
import type { Client } from '../../core/client/index.ts';
import type { Serde } from '../../core/schema/serde.ts';
import type { StorageEngine } from '../../core/storage/storage.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { openTaskStores } from '../../runtime/state/task-stores.ts';
import { parseTaskId } from '../../runtime/worker/assignor.ts';
import { readTopic } from './read-topic.ts';

export async function checkDisk(client: Client, topology: Topology, disk: StorageEngine): Promise<string[]> {
  const wrong: string[] = [];
  for (const task of await disk.list()) {
    const { subTopology, partition } = parseTaskId(task);
    const specs = topology.subTopologies[subTopology]!.stores.filter(({ kind }) => kind === 'keyValue');
    await using storage = await disk.open(task);
    const stores = await openTaskStores({ storage, specs });
    for (const spec of specs) {
      const checkpoint = stores.checkpoint(spec.changelog);
      const have = new Map<string, unknown>();
      for await (const [key, { value }] of stores.query(spec.name).all()) have.set(JSON.stringify(key), value);
      const [end] = await client.admin().listOffsets([{ topic: spec.changelog, partition }], 'latest');
      if (checkpoint === null) {
        if (have.size > 0) wrong.push(`${spec.name} of task ${task} has ${have.size} entries and no checkpoint`);
        continue;
      }
      if (checkpoint > end!.offset)
        wrong.push(`${spec.name} of task ${task} is at ${checkpoint}, its changelog ends at ${end!.offset}`);
      const newest = new Map<string, { value: unknown; offset: number }>();
      for (const { key, value, partition: of, offset } of await readTopic(client, spec.changelog, partition + 1)) {
        if (of !== partition || key === null) continue;
        const body = value === null ? null : spec.value.decode(spec.ownChangelog ? value.subarray(8) : value);
        newest.set(JSON.stringify(spec.key.decode(key)), { value: body, offset });
      }
      for (const [key, { value, offset }] of newest) {
        // What was written later may have taken the place of what the state has seen.
        if (offset >= checkpoint) continue;
        const found = have.get(key) ?? null;
        if (!sameBytes(found, value, spec.value))
          wrong.push(
            `${spec.name} of task ${task}, at ${checkpoint}: ${key} is ${JSON.stringify(found)}, and ${JSON.stringify(value)} in its changelog at ${offset}`,
          );
      }
    }
    await stores.close();
  }
  return wrong;
}

/** By what they are written as: a decoded value may hold bytes of one class or another. */
function sameBytes(a: unknown, b: unknown, serde: Serde<unknown>): boolean {
  if (a === null || b === null) return a === b;
  return Buffer.compare(serde.encode(a), serde.encode(b)) === 0;
}
