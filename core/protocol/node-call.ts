// What nodes of a cluster of ours ask each other besides what Kafka has messages for: votes and entries of the metadata log,
// registration, heartbeats, changes that only the controller in charge decides. Served where controllers listen and nowhere
// else, and told to no client. It isn't in messages/, because no other implementation knows it.
import { bytes, int16, string } from './fields.ts';
import { message } from './schema.ts';

export const nodeCallRequest = message(
  { name: 'NodeCallRequest', apiKey: 20_000, versions: [0, 0], flexibleFrom: 0 },
  { from: int16(), kind: string(), body: bytes() },
);

export const nodeCallResponse = message(
  { name: 'NodeCallResponse', apiKey: 20_000, versions: [0, 0], flexibleFrom: 0 },
  { errorCode: int16(), body: bytes() },
);
