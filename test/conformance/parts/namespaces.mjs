// A network of its own for each node of a cluster on this machine, all on one bridge that clients are on too, so that a node
// can be cut off from the others while clients still reach it. Needs Linux and the right to make network namespaces.
import { run } from './peers.mjs';

/** @returns null where it isn't allowed here */
export async function openNamespaces(count) {
  const mark = process.pid % 10_000;
  const net = `10.213.${process.pid % 250}`;
  const bridge = `mr${mark}`;
  const ids = Array.from({ length: count }, (_, i) => i + 1);
  const nameOf = (id) => `mr${mark}-${id}`;
  const hostOf = (id) => `${net}.${id}`;
  const ip = (...args) => run('ip', args);

  async function close() {
    for (const id of ids) await ip('netns', 'del', nameOf(id)).catch(() => {});
    await ip('link', 'del', bridge).catch(() => {});
  }

  const routes = (what, id) =>
    Promise.all(
      ids
        .filter((other) => other !== id)
        .map((other) => ip('-n', nameOf(id), 'route', what, 'blackhole', `${hostOf(other)}/32`)),
    );

  try {
    await ip('link', 'add', bridge, 'type', 'bridge');
    await ip('addr', 'add', `${net}.254/24`, 'dev', bridge);
    await ip('link', 'set', bridge, 'up');
    for (const id of ids) {
      const [name, end] = [nameOf(id), `mr${mark}v${id}`];
      await ip('netns', 'add', name);
      await ip('link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      await ip('link', 'set', end, 'master', bridge);
      await ip('link', 'set', end, 'up');
      await ip('-n', name, 'addr', 'add', `${hostOf(id)}/24`, 'dev', 'eth0');
      await ip('-n', name, 'link', 'set', 'lo', 'up');
      await ip('-n', name, 'link', 'set', 'eth0', 'up');
    }
  } catch {
    await close();
    return null;
  }
  return {
    hostOf,
    /** What a command is put behind, to run in the node's network. */
    inside: (id) => ['ip', 'netns', 'exec', nameOf(id)],
    /** Nothing goes from the node to the others, so that nothing they ask is answered either. */
    cut: (id) => routes('add', id),
    mend: (id) => routes('del', id),
    close,
  };
}
