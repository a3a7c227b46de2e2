// A quorum in one process from one seed: messages late, lost, doubled and out of order, nodes cut off, killed with half a
// write done, and started again with what their disks kept. After every event it is checked what consensus promises.
import { type Random, seededRandom } from '../../../core/kernel/random.ts';
import { createRaft, type Raft } from '../../../core/raft/raft.ts';
import type { Effect, Entry, HardState, Message, Persist, Snapshot } from '../../../core/raft/types.ts';

/** Mistakes made on purpose, which the simulation must find. */
export type Fault = 'forgetsVotes' | 'truncatesByOffset' | 'countsObservers' | 'forgetsEntries';

export interface RaftSimulationOptions {
  readonly seed: number;
  readonly steps: number;
  readonly fault?: Fault;
  readonly log?: (line: string) => void;
}

export interface RaftOutcome {
  readonly wrong: readonly string[];
  readonly committed: number;
  readonly elections: number;
  /** Of voters, that a leader took; it may have lost them again. */
  readonly changes: number;
}

interface Disk {
  hardState: HardState;
  snapshot: Snapshot | null;
  /** From the snapshot's offset on. */
  entries: Entry[];
}

interface Node {
  readonly id: number;
  readonly disk: Disk;
  raft: Raft | null;
  life: number;
  /** Until it is done nothing else is looked at. */
  writing: boolean;
  readonly inbox: (() => readonly Effect[])[];
  highWatermark: number;
}

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

const text = (entry: Entry) => `${entry.epoch}/${entry.kind}/${Buffer.from(entry.data)}`;

export function simulateRaft({ seed, steps, fault, log }: RaftSimulationOptions): RaftOutcome {
  const random: Random = seededRandom(seed * 7_919 + 13);
  const voters = random.next() < 0.7 ? [1, 2, 3] : [1, 2, 3, 4, 5];
  const observers = random.next() < 0.5 || fault === 'countsObservers' ? [8, 9] : [];
  const wrong: string[] = [];
  const due: Due[] = [];
  const committed: string[] = [];
  const leaders = new Map<number, number>();
  const cuts = new Set<string>();
  let nowMs = 0;
  let order = 0;
  let proposed = 0;
  let changes = 0;
  let weather = { lossShare: 0.05, doubleShare: 0.05, delayMsMax: 60 };

  const say = (line: string) => log?.(`${nowMs.toFixed(1).padStart(9)} ${line}`);
  const later = (delayMs: number, run: () => void) => due.push({ atMs: nowMs + delayMs, order: order++, run });

  const nodes = new Map<number, Node>(
    [...voters, ...observers].map((id) => [
      id,
      {
        ...{ id, raft: null, life: 0, writing: false, inbox: [], highWatermark: 0 },
        disk: { hardState: { epoch: 0, votedFor: null }, snapshot: null, entries: [] },
      },
    ]),
  );

  function start(node: Node): void {
    const { hardState, snapshot, entries } = node.disk;
    node.life += 1;
    node.writing = false;
    node.inbox.length = 0;
    node.raft = createRaft({
      id: node.id,
      voters,
      hardState: fault === 'forgetsVotes' ? { ...hardState, votedFor: null } : hardState,
      snapshot,
      entries: [...entries],
      nowMs: () => nowMs,
      chance: () => random.next(),
    });
    node.highWatermark = node.raft.highWatermark;
    say(`start ${node.id} in epoch ${hardState.epoch}, log to ${node.raft.log.end.offset}`);
    wake(node, node.life);
  }

  function wake(node: Node, life: number): void {
    if (node.raft === null || node.life !== life) return;
    const wait = Math.max(1, node.raft.deadlineMs - nowMs) + random.next() * 5;
    later(Math.min(wait, 200), () => {
      if (node.life !== life || node.raft === null) return;
      give(node, () => node.raft!.step({ kind: 'tick' }));
      wake(node, life);
    });
  }

  function give(node: Node, work: () => readonly Effect[]): void {
    node.inbox.push(work);
    if (!node.writing) drain(node);
  }

  function drain(node: Node): void {
    while (node.raft !== null && !node.writing && node.inbox.length > 0) carryOut(node, node.inbox.shift()!());
  }

  function carryOut(node: Node, effects: readonly Effect[]): void {
    check(node);
    const [first, ...rest] = effects;
    if (first?.kind !== 'persist') return deliver(node, effects);
    node.writing = true;
    const { life } = node;
    later(random.next() * 10, () => {
      if (node.life !== life) return;
      save(node.disk, first);
      node.writing = false;
      deliver(node, rest);
      if (node.raft !== null && first.append !== null) {
        const endOffset = first.append.offset + first.append.entries.length;
        carryOut(node, node.raft.step({ kind: 'persisted', endOffset }));
      }
      drain(node);
    });
  }

  function save(disk: Disk, { hardState, snapshot, truncateTo, append }: Persist): void {
    if (hardState !== null) disk.hardState = hardState;
    if (snapshot !== null) {
      const start = disk.snapshot?.offset ?? 0;
      disk.entries = snapshot.offset >= start ? disk.entries.slice(snapshot.offset - start) : disk.entries;
      disk.snapshot = snapshot;
    }
    const start = disk.snapshot?.offset ?? 0;
    if (truncateTo !== null) disk.entries.length = Math.min(disk.entries.length, Math.max(0, truncateTo - start));
    if (append !== null) {
      disk.entries.length = Math.max(0, append.offset - start);
      disk.entries.push(...append.entries);
    }
  }

  function deliver(node: Node, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'send') post(node.id, effect.to, effect.message);
      if (effect.kind === 'send' && effect.message.kind === 'voted') afterVote(node, effect.message);
      if (effect.kind === 'commit') onCommit(node);
      if (effect.kind === 'restore') node.highWatermark = effect.snapshot.offset;
    }
  }

  /** Who has just voted is killed more often than others, and asked again while it hardly runs. */
  function afterVote(node: Node, { granted, pre }: Extract<Message, { kind: 'voted' }>): void {
    if (!granted || pre || random.next() > 0.3) return;
    const { life } = node;
    later(random.next() * 2, () => {
      if (node.life !== life || node.raft === null) return;
      kill(node);
      later(random.next() * 20, () => node.raft ?? start(node));
    });
  }

  function post(from: number, to: number, message: Message): void {
    const spoilt = fault === undefined ? message : spoil(fault, from, message);
    const times = random.next() < weather.doubleShare ? 2 : 1;
    for (let i = 0; i < times; i++) {
      if (random.next() < weather.lossShare) continue;
      later(random.next() * weather.delayMsMax, () => {
        const target = nodes.get(to)!;
        if (target.raft === null || cuts.has(`${from}>${to}`)) return;
        give(target, () => {
          say(`${from} → ${to} ${describe(spoilt)}`);
          return target.raft!.step({ kind: 'receive', message: spoilt });
        });
      });
    }
  }

  /** As if the code had the mistake. */
  function spoil(mistake: Fault, from: number, message: Message): Message {
    if (mistake === 'truncatesByOffset' && message.kind === 'fetch') {
      // Claims to have what the leader has there, so that only the offset counts.
      const leader = [...nodes.values()].find(
        ({ raft }) => raft?.role.kind === 'leader' && raft.epoch === message.epoch,
      );
      const epoch = leader?.raft?.log.epochAt(Math.max(0, message.last.offset - 1)) ?? message.last.epoch;
      return { ...message, last: { ...message.last, epoch } };
    }
    if (mistake === 'countsObservers' && message.kind === 'fetch' && observers.includes(from))
      return { ...message, from: voters[observers.indexOf(from)]! };
    return message;
  }

  function onCommit(node: Node): void {
    const raft = node.raft!;
    if (raft.highWatermark < node.highWatermark)
      wrong.push(`the high watermark of ${node.id} went back to ${raft.highWatermark}`);
    for (let at = Math.max(node.highWatermark, raft.log.startOffset); at < raft.highWatermark; at++) {
      const found = text(raft.log.read(at, 1)[0]!);
      if (committed[at] === undefined) committed[at] = found;
      else if (committed[at] !== found)
        wrong.push(`node ${node.id} has ${found} committed at ${at}, others ${committed[at]}`);
    }
    node.highWatermark = raft.highWatermark;
    if (random.next() < 0.05 && raft.highWatermark > raft.log.startOffset + 5) {
      const offset = raft.highWatermark - random.integer(4);
      const snapshot = {
        ...{ offset, epoch: raft.log.epochAt(offset - 1), voters: raft.log.votersBelow(offset)?.voters ?? voters },
        data: Buffer.from(committed.slice(0, offset).join('\n')),
      };
      give(node, () => raft.step({ kind: 'snapshotTaken', snapshot }));
    }
  }

  function check({ raft, id }: Node): void {
    if (raft?.role.kind !== 'leader') return;
    const other = leaders.get(raft.epoch);
    if (other !== undefined && other !== id) wrong.push(`${other} and ${id} both lead in epoch ${raft.epoch}`);
    leaders.set(raft.epoch, id);
  }

  function kill(node: Node): void {
    say(`kill ${node.id}`);
    node.raft = null;
    node.life += 1;
    node.inbox.length = 0;
    node.writing = false;
    if (fault === 'forgetsEntries') node.disk.entries.length = Math.max(0, node.disk.entries.length - 3);
  }

  function act(): void {
    const all = [...nodes.values()];
    const node = all[random.integer(all.length)]!;
    // Mistakes are looked for among voters that stay.
    const kind = random.integer(fault === undefined ? 10 : 9);
    if (kind < 4) {
      const leader = all.find(({ raft }) => raft?.role.kind === 'leader');
      const entries = Array.from({ length: 1 + random.integer(4) }, () => Buffer.from(String(proposed++)));
      if (leader !== undefined) give(leader, () => leader.raft!.step({ kind: 'propose', entries }));
    } else if (kind === 4 && node.raft !== null) kill(node);
    else if (kind === 5 && node.raft === null) start(node);
    else if (kind === 6) {
      const other = all[random.integer(all.length)]!;
      if (random.next() < 0.5) cuts.add(`${node.id}>${other.id}`);
      else for (const { id } of all) cuts.add(`${node.id}>${id}`).add(`${id}>${node.id}`);
      say(`cut ${[...cuts].join(' ')}`);
    } else if (kind === 7) cuts.clear();
    else if (kind === 9) changeVoters(node.id);
    else if (random.next() < 0.3 && node.raft !== null) give(node, () => node.raft!.step({ kind: 'resign' }));
  }

  /** It comes if it is no voter, and goes if it is one; its leader may refuse. */
  function changeVoters(id: number): void {
    const leader = [...nodes.values()].find(({ raft }) => raft?.role.kind === 'leader');
    if (leader === undefined) return;
    give(leader, () => {
      const now = leader.raft!.voters;
      const next = now.includes(id) ? now.filter((one) => one !== id) : [...now, id];
      const effects = leader.raft!.step({ kind: 'changeVoters', voters: next });
      const refused = effects.some((effect) => effect.kind === 'refuseVoters');
      if (!refused) changes += 1;
      say(`${leader.id} ${refused ? 'refuses' : 'takes'} voters ${next}`);
      return effects;
    });
  }

  function run(untilMs: number): void {
    while (wrong.length === 0) {
      due.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const next = due[0];
      if (next === undefined || next.atMs > untilMs) break;
      due.shift();
      nowMs = next.atMs;
      try {
        next.run();
      } catch (error) {
        wrong.push((error as Error).message);
      }
    }
    nowMs = untilMs;
  }

  for (const node of nodes.values()) start(node);
  for (let step = 0; step < steps && wrong.length === 0; step++) {
    run(nowMs + random.next() * (random.next() < 0.2 ? 4_000 : 300));
    act();
  }
  // Peace: all agree, and go on.
  cuts.clear();
  weather = { lossShare: 0, doubleShare: 0, delayMsMax: 5 };
  for (const node of nodes.values()) if (node.raft === null) start(node);
  for (let round = 0; round < 20 && wrong.length === 0; round++) {
    run(nowMs + 1_000);
    const leader = [...nodes.values()].find(({ raft }) => raft?.role.kind === 'leader');
    if (leader !== undefined)
      give(leader, () => leader.raft!.step({ kind: 'propose', entries: [Buffer.from('peace')] }));
  }
  run(nowMs + 3_000);
  const ends = new Set([...nodes.values()].map(({ raft }) => raft!.highWatermark));
  if (wrong.length === 0 && (ends.size !== 1 || !committed.some((entry) => entry.endsWith('peace'))))
    wrong.push(`in peace the high watermarks are ${[...ends].join(', ')}`);
  return { wrong, committed: committed.length, elections: leaders.size, changes };
}

function describe(message: Message): string {
  const { kind, epoch } = message;
  if (message.kind === 'fetched')
    return `fetched (${epoch}) ${message.entries.length} from ${message.baseOffset}, high watermark ${message.highWatermark}`;
  if (message.kind === 'fetch') return `fetch (${epoch}) from ${message.last.offset} after ${message.last.epoch}`;
  if (message.kind === 'voted') return `voted (${epoch}) ${message.granted ? 'yes' : 'no'}`;
  return `${kind} (${epoch})`;
}
