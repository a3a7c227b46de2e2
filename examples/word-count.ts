// Counts the words of a text: lines become words, words are grouped by themselves, each change of a count is passed on.
// Run it with `npx millrace run examples/word-count.ts`. It shows the ten most frequent words; all counts stand in a
// topic: `npx millrace consume word-counts --until end --keys --value-as int64`.
import { count, flatMap, groupBy, job, noKey, safeInt64, source, topic, toStream, utf8, view } from 'millrace';
import { consoleTable } from 'millrace/connectors/console';
import { textFile } from 'millrace/connectors/files';

const lines = topic('lines', utf8, { key: noKey });
const wordCounts = topic('word-counts', safeInt64, { cleanup: 'compact' });

export default job('word-count', [
  source(textFile(new URL('data/mill-race.txt', import.meta.url))).to(lines),

  lines
    .pipe(
      flatMap((line) => line.toLowerCase().match(/\p{Letter}+/gu) ?? []),
      groupBy((word) => word),
      count({ as: 'counts' }),
      toStream(),
    )
    .to(wordCounts),

  wordCounts.pipe(
    view(
      consoleTable({
        title: 'The most frequent words',
        columns: { word: (_count, word) => word, count: (count) => count },
        sortBy: (count) => count,
        descending: true,
        limit: 10,
      }),
    ),
  ),
]);
