// Scripts of consensus: a line that begins with '>' is a command to a quorum in memory, indented lines are what came of it.
// Time passes, messages arrive and disks write only where the script says so, so one event can be looked at alone. The
// commands are the functions of `commands`, each with its words; what they print is all that a script promises.
import { createRaft, type Raft } from '../../../core/raft/raft.ts';
import type { Effect, Event, Message } from '../../../core/raft/types.ts';
import { type Disk, emptyDisk, save } from './scenario-disk.ts';
import { describeEntry, describeMessage, describeWrite } from './scenario-words.ts';

interface Node {
  readonly id: number;
  readonly disk: Disk;
  raft: Raft | null;
  /** Effects that wait for the disk, first what is to be written; null where it writes at once. */
  stalled: { waiting: readonly Effect[] | null; events: Event[] } | null;
}

interface Post {
  readonly number: number;
  readonly from: number;
  readonly to: number;
  readonly message: Message;
}

const ids = (text: string): number[] => (text === '-' ? [] : text.split(',').map(Number));
const roundsMax = 10_000;

/** The script with what comes of its commands today in the place of what was recorded. */
export function replay(script: string): string {
  const play = createPlay();
  const lines: string[] = [];
  for (const line of script.split('\n')) {
    if (line.startsWith('>')) lines.push(line, ...play(line.slice(1).trim()).map((said) => `  ${said}`));
    else if (line === '' || line.startsWith('#')) lines.push(line);
  }
  return lines.join('\n');
}

function createPlay(): (command: string) => readonly string[] {
  const nodes = new Map<number, Node>();
  const away = new Set<number>();
  let voters: readonly number[] = [];
  let pending: Post[] = [];
  let posted = 0;
  let nowMs = 0;
  let out: string[] = [];
  /** Only what nodes come to, not each message. */
  let isBrief = false;

  const at = (id: string | number): Node => {
    const node = nodes.get(Number(id));
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  };
  const detail = (line: string) => isBrief || out.push(line);

  function start(node: Node): void {
    const { hardState, snapshot, entries } = node.disk;
    node.raft = createRaft({
      ...{ id: node.id, voters, hardState, snapshot, entries: [...entries] },
      nowMs: () => nowMs,
      // Timeouts of different nodes differ, those of one are always the same.
      chance: () => (node.id % 10) / 10,
    });
  }

  function give(node: Node, event: Event): void {
    if (node.raft === null) return;
    if (node.stalled?.waiting) return void node.stalled.events.push(event);
    const before = stateOf(node);
    const effects = node.raft.step(event);
    if (stateOf(node) !== before) out.push(`${node.id} ${stateOf(node)}`);
    const [first] = effects;
    if (node.stalled !== null && first?.kind === 'persist') {
      detail(`${node.id} would write ${describeWrite(first)}`);
      node.stalled.waiting = effects;
    } else carryOut(node, effects);
  }

  function carryOut(node: Node, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'persist') {
        save(node.disk, effect);
        if (effect.truncateTo !== null && effect.snapshot === null)
          out.push(`${node.id} cuts its log to ${effect.truncateTo}`);
        detail(`${node.id} writes ${describeWrite(effect)}`);
      } else if (effect.kind === 'send') post(node.id, effect.to, effect.message);
      else if (effect.kind === 'commit') out.push(`${node.id} commits to ${effect.highWatermark}`);
      else if (effect.kind === 'refuseVoters') out.push(`${node.id} refuses: ${effect.why}`);
      else out.push(`${node.id} restores the snapshot ${effect.snapshot.offset}@${effect.snapshot.epoch}`);
    }
    const [first] = effects;
    if (first?.kind !== 'persist' || first.append === null) return;
    give(node, { kind: 'persisted', endOffset: first.append.offset + first.append.entries.length });
  }

  function post(from: number, to: number, message: Message): void {
    posted += 1;
    pending.push({ number: posted, from, to, message });
    detail(`  #${posted} ${from} > ${to} ${describeMessage(message)}`);
  }

  function arrive({ number, from, to, message }: Post): void {
    if (away.has(from) || away.has(to) || nodes.get(to)?.raft == null) return void detail(`#${number} is lost`);
    detail(`#${number} arrives at ${to}`);
    give(at(to), { kind: 'receive', message });
  }

  /** '#3', '1>2', '1>*', '*>2', or all where nothing is said. */
  function chosen(words: readonly string[]): Post[] {
    if (words.length === 0) return [...pending];
    return words.flatMap((word) => {
      if (word.startsWith('#')) {
        const found = pending.filter(({ number }) => number === Number(word.slice(1)));
        if (found.length === 0) throw new Error(`no message ${word}`);
        return found;
      }
      const [from, to] = word.split('>');
      return pending.filter(
        (one) => (from === '*' || one.from === Number(from)) && (to === '*' || one.to === Number(to)),
      );
    });
  }

  function take(words: readonly string[]): Post[] {
    const taken = chosen(words);
    pending = pending.filter((one) => !taken.includes(one));
    return taken;
  }

  function settle(): void {
    for (let round = 0; pending.length > 0; round++) {
      if (round > roundsMax) throw new Error('it does not settle');
      arrive(pending.shift()!);
    }
  }

  function run(untilMs: number): void {
    for (let round = 0; ; round++) {
      if (round > roundsMax) throw new Error('it does not come to rest');
      settle();
      const live = [...nodes.values()].filter(({ raft }) => raft !== null);
      const nextMs = Math.min(...live.map(({ raft }) => raft!.deadlineMs));
      if (nextMs > untilMs) break;
      nowMs = Math.max(nowMs, nextMs);
      for (const node of live) if (node.raft!.deadlineMs <= nowMs) give(node, { kind: 'tick' });
    }
    nowMs = untilMs;
  }

  const commands: Record<string, (...words: string[]) => void> = {
    /** nodes VOTERS [OBSERVERS] */
    nodes(given, observers = '-') {
      voters = ids(given!);
      nodes.clear();
      away.clear();
      pending = [];
      for (const id of [...voters, ...ids(observers)]) {
        nodes.set(id, { id, disk: emptyDisk(), raft: null, stalled: null });
        start(at(id));
      }
    },
    /** Only time passes. */
    wait(ms) {
      nowMs += Number(ms);
    },
    tick: (id) => give(at(id!), { kind: 'tick' }),
    /** Time passes, and all that is due is done and all that is sent arrives. */
    run(ms) {
      isBrief = true;
      run(nowMs + Number(ms));
    },
    deliver: (...words) => take(words).forEach(arrive),
    /** The same message once more, which stays under way. */
    double: (...words) => chosen(words).forEach(arrive),
    drop: (...words) => void take(words),
    settle() {
      isBrief = true;
      settle();
    },
    /** Nothing comes from there or arrives there. */
    cut(...words) {
      for (const id of words) away.add(Number(id));
    },
    heal: () => away.clear(),
    propose(id, ...texts) {
      give(at(id!), { kind: 'propose', entries: texts.map((text) => Buffer.from(text)) });
    },
    /** voters NODE IDS: of the leader alone. */
    voters: (id, next) => give(at(id!), { kind: 'changeVoters', voters: ids(next!) }),
    resign: (id) => give(at(id!), { kind: 'resign' }),
    /** What it writes from now on isn't on disk, and what is to follow isn't done, until 'flush'. */
    stall(id) {
      at(id!).stalled = { waiting: null, events: [] };
    },
    flush(id) {
      const node = at(id!);
      const { waiting, events } = node.stalled!;
      node.stalled = null;
      carryOut(node, waiting ?? []);
      for (const event of events) give(node, event);
    },
    /** What was being written is lost. */
    kill(id) {
      at(id!).raft = null;
      at(id!).stalled = null;
    },
    start(id) {
      start(at(id!));
      show(at(id!));
    },
    /** snapshot NODE OFFSET: of all below. */
    snapshot(id, text) {
      const node = at(id!);
      const offset = Number(text);
      const { log } = node.raft!;
      const said = log.votersBelow(offset)?.voters ?? voters;
      const data = Buffer.from(`state at ${offset}`);
      give(node, {
        kind: 'snapshotTaken',
        snapshot: { offset, epoch: log.epochAt(offset - 1), voters: said, data },
      });
    },
    show(...words) {
      for (const node of words.length === 0 ? nodes.values() : words.map(at)) show(node);
    },
    log(id) {
      const { log } = at(id!).raft!;
      if (log.snapshot !== null) out.push(`snapshot ${log.snapshot.offset}@${log.snapshot.epoch}`);
      for (const [i, entry] of log.read(log.startOffset, log.end.offset).entries())
        out.push(`${log.startOffset + i} ${describeEntry(entry)}`);
    },
    disk(id) {
      const { hardState, snapshot, entries } = at(id!).disk;
      const start = snapshot?.offset ?? 0;
      out.push(
        `epoch ${hardState.epoch}, vote ${hardState.votedFor ?? '-'}, entries ${start}..${start + entries.length}`,
      );
    },
    pending() {
      for (const { number, from, to, message } of pending)
        out.push(`#${number} ${from} > ${to} ${describeMessage(message)}`);
    },
  };

  function show(node: Node): void {
    const { raft, id } = node;
    if (raft === null) return void out.push(`${id} is down`);
    const { log, highWatermark } = raft;
    const base = log.startOffset === 0 ? '' : ` from ${log.startOffset}`;
    out.push(
      `${id} ${stateOf(node)}; log${base} to ${log.end.offset}@${log.end.epoch}, committed to ${highWatermark}, voters ${raft.voters.join(',')}`,
    );
  }

  return (command) => {
    const [name, ...words] = command.split(/\s+/);
    const carried = commands[name!];
    if (carried === undefined) throw new Error(`no command '${name}'`);
    out = [];
    isBrief = false;
    carried(...words);
    // So that a number says little about what went before.
    if (pending.length === 0) posted = 0;
    return out;
  };
}

function stateOf({ raft }: Node): string {
  const { role, epoch, voters, id } = raft!;
  if (role.kind === 'leader') return `leads in epoch ${epoch}`;
  if (role.kind === 'candidate') return `stands in epoch ${epoch}`;
  if (role.kind === 'prospect') return `asks whether it might stand after epoch ${epoch}`;
  const what = voters.includes(id) ? 'follows' : 'observes';
  return `${what} ${raft!.leader ?? 'nobody'} in epoch ${epoch}`;
}
