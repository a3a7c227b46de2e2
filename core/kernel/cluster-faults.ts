// Those rows of the table of fault.ts that only a cluster of several nodes meets.

const votersStay = {
  notOneVoter: 'one of them comes or goes at a time',
  nobodyLeft: 'nobody would be left',
  changeUnderWay: 'another change of them is not committed yet; try again in a moment',
  epochNotCommitted: 'the one in charge has just begun; try again in a moment',
} as const;

export const clusterFaults = {
  STORAGE_OF_ANOTHER: {
    retriable: false,
    text: (d: { of: string; given: string }) =>
      `the data folder is that of ${d.of}, and this is ${d.given}; give each node a folder of its own with --data`,
  },
  NODE_ENDED: {
    retriable: false,
    text: (d: { node: number; how: string }) => `node ${d.node} could not start (${d.how}); what it said is above`,
  },
  NODE_NOT_FOUND: {
    retriable: false,
    text: (d: { node: number }) =>
      `the cluster knows no node ${d.node}; 'millrace cluster status' shows those it knows`,
  },
  STOPPED_WITHOUT_LOG: {
    retriable: false,
    text: (d: { seconds: number }) =>
      `nobody answered for ${d.seconds} s, so the job stopped without its last commit; its next start does again what came after the one before`,
  },
  STILL_LEADS: {
    retriable: true,
    text: (d: { node: number; partitions: readonly string[] }) =>
      `node ${d.node} still leads ${d.partitions.slice(0, 5).join(', ')}${d.partitions.length > 5 ? ' and others' : ''}: no other copy of them is in sync`,
  },
  STILL_MOVING: {
    retriable: true,
    text: (d: { partitions: readonly string[] }) =>
      `copies of ${d.partitions.slice(0, 5).join(', ')}${d.partitions.length > 5 ? ' and others' : ''} are still moving; 'millrace cluster status' shows how far they are`,
  },
  VOTERS_NOT_CHANGED: {
    retriable: false,
    text: (d: { why: 'notOneVoter' | 'nobodyLeft' | 'changeUnderWay' | 'epochNotCommitted' }) =>
      `the controllers that vote stay as they are: ${votersStay[d.why]}`,
  },
  NOT_CONTROLLER: {
    retriable: true,
    text: (_: object) =>
      'this node is not the controller in charge, or is not any more; ask again for who is, and retry',
  },
} as const;
