// DescribeLogDirs: 1-4. One folder, and the bytes of the batches of each partition that is here, without what storage adds or saves.
// From version 4 also how large its volume is.
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import type { Handler, NodeParts } from '../handler.ts';

export const describeLogDirs: Handler<'describeLogDirs'> = async (request, { parts }) => {
  const { response } = apis.describeLogDirs;
  const { path: logDir } = parts.logDir;
  try {
    const [topics, space] = await Promise.all([topicsIn(request, parts), parts.logDir.space()]);
    return response.create({ results: [{ logDir, topics, ...space }] });
  } catch (error) {
    return response.create({ results: [{ logDir, errorCode: codeOf(errorNameOf(error)) }] });
  }
};

async function topicsIn(
  { topics }: RequestOf<'describeLogDirs'>,
  { catalog, topics: logs, settings: { nodeId } }: NodeParts,
) {
  const { image } = catalog;
  const asked = topics?.map(({ topic, partitions }) => ({ name: topic, partitions }));
  const wanted =
    asked ??
    [...image.topics.values()].map(({ name, partitions }) => ({ name, partitions: [...Array(partitions).keys()] }));
  const withLog = await logs.allWithLog();
  const found = [];
  for (const { name, partitions } of wanted) {
    const topic = image.topics.get(name);
    if (topic === undefined) continue;
    const sizes = [];
    for (const partitionIndex of partitions) {
      if (partitionIndex < 0 || partitionIndex >= topic.partitions) continue;
      const place = topic.places?.[partitionIndex];
      if (place !== undefined && !place.replicas.includes(nodeId)) continue;
      // One that nobody has used has no database yet, and isn't given one for being looked at.
      const has = withLog.get(name)?.has(partitionIndex) === true;
      const partitionSize = has ? (await logs.log(topic, partitionIndex)).sizeBytes : 0;
      sizes.push({ partitionIndex, partitionSize, offsetLag: 0, isFutureKey: false });
    }
    if (sizes.length > 0) found.push({ name, partitions: sizes });
  }
  return found;
}
