// DeleteTopics: 1-6. By name, from version 6 by id as well. Answered when the records are gone from the disk, and so are
// the offsets that groups had committed for them.
import type { TopicImage } from '../../controller/catalog.ts';
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { zeroUuid } from '../../protocol/uuid.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import { forgetOffsets } from '../forget-offsets.ts';
import type { Call, Handler } from '../handler.ts';
import { isInternal } from '../topic-rules.ts';

type AskedTopic = RequestOf<'deleteTopics'>['topics'][number];

const idsFrom = 6;

export const deleteTopics: Handler<'deleteTopics'> = async (request, call) => {
  const asked =
    call.version >= idsFrom ? request.topics : request.topicNames.map((name) => ({ name, topicId: zeroUuid }));
  const responses = await Promise.all(asked.map((topic) => remove(topic, call)));
  const gone = new Set(responses.filter(({ errorCode }) => errorCode === 0).map(({ name }) => name ?? ''));
  if (gone.size > 0) await forgetOffsets(gone, call.parts);
  return apis.deleteTopics.response.create({ responses });
};

async function remove({ name, topicId }: AskedTopic, { parts }: Call) {
  const { image } = parts.catalog;
  const refused = (error: ErrorName, message: string | null = null) => ({
    name,
    topicId,
    errorCode: codeOf(error),
    errorMessage: message,
  });
  if (name !== null && topicId !== zeroUuid) return refused('INVALID_REQUEST', 'give a name or an id, not both');
  const find = (): TopicImage | undefined => (name === null ? image.topicsById.get(topicId) : image.topics.get(name));
  try {
    for (let isLatest = false; ; isLatest = true) {
      const topic = find();
      if (topic !== undefined) {
        if (isInternal(topic.name)) return refused('INVALID_TOPIC_EXCEPTION', `'${topic.name}' is the node's own`);
        if (!parts.settings['delete.topic.enable']) return refused('TOPIC_DELETION_DISABLED');
        if (await parts.topics.delete(topic))
          return { name: topic.name, topicId: topic.id, errorCode: 0, errorMessage: null };
      }
      if (isLatest) return refused(name === null ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION');
      // This node may not have heard of it yet, or only of one before it.
      await parts.catalog.catchUp();
    }
  } catch (error) {
    return refused(errorNameOf(error));
  }
}
