// RxJS on both sides of a topic and inside a pipeline: what is typed into a search box becomes searches, once typing
// has paused for 300 ms of the records' own time, so a replay gives the same searches again.
// `npx millrace run examples/rx-interop.ts` runs the job alone and prints two. `npx tsx examples/rx-interop.ts` is a
// program with the job in it: it also types into the topic and watches what comes out.
import { fileURLToPath } from 'node:url';
import { job, json, noKey, rx, sink, source, topic, utf8 } from 'millrace';
import { stdoutLines } from 'millrace/connectors/console';
import { fromObservable } from 'millrace/connectors/rx';
import { runJob } from 'millrace/run';
import { observe, produceTo } from 'millrace/rx';
import { debounceTime, distinctUntilChanged, from, lastValueFrom, map, take, toArray } from 'rxjs';

type Typed = { readonly text: string; readonly atMs: number };

/** Someone types words, a letter each 100 ms, and rests for a second before each word. */
function typing(words: readonly string[], startMs: number) {
  let atMs = startMs;
  const letters = words.flatMap((word) => [...word].map((_letter, i) => ({ word, i })));
  return from(letters).pipe(
    map(({ word, i }): Typed => ({ text: word.slice(0, i + 1), atMs: (atMs += i === 0 ? 1_000 : 100) })),
  );
}

const morningMs = Date.UTC(2025, 0, 1, 8);
// rx() sees the values of a partition as one stream, so there is one.
const kept = { partitions: 1, key: noKey, retention: 'forever' } as const;
const typed = topic('typed', json<Typed>(), { ...kept, timestamp: ({ atMs }) => atMs });
const searches = topic('searches', utf8, kept);

const search = job('rx-interop', [
  source(fromObservable(() => typing(['river', 'weir', 'wheel'], morningMs), { bounded: true })).to(typed),
  typed
    .pipe(
      rx(
        map(({ text }) => text),
        // Its clock is stream time, so the last word waits for a record that comes later.
        (time) => debounceTime(300, time),
        distinctUntilChanged(),
      ),
    )
    .to(searches),
  searches.pipe(sink(stdoutLines())),
]);
export default search;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await using run = await runJob(search, { fresh: true, until: 'stopped' });
  const firstSearches = (n: number) => lastValueFrom(observe(run.client, searches).pipe(take(n), toArray()));
  await firstSearches(2);
  const more = typing(['mill', 'race', 'end'], morningMs + 60_000).pipe(map((value) => ({ key: null, value })));
  const written = await lastValueFrom(more.pipe(produceTo(run.client, typed), toArray()));
  const found = (await firstSearches(5)).map(({ value }) => value);
  console.log(`typed ${written.length} letters more; found ${found.join(', ')}`);
}
