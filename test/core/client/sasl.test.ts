import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { createClient, type SaslOptions, tcpNetwork } from '../../../core/client/index.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { apis } from '../../../core/protocol/api-table.ts';
import { type SaslNode, type SaslNodeOptions, startSaslNode } from '../../support/sasl-node.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function startNode(options: SaslNodeOptions): Promise<SaslNode> {
  const node = await startSaslNode(options);
  undo.push(() => node[Symbol.asyncDispose]());
  return node;
}

const clock = createManualClock();

async function connect(node: SaslNode, sasl: SaslOptions) {
  const network = tcpNetwork({ bootstrap: `127.0.0.1:${node.port}`, sasl, clock, random: seededRandom(7) });
  const transport = await network.bootstrap();
  undo.push(() => transport.close());
  const heartbeat = (generationId: number) =>
    transport.call('heartbeat', 4, apis.heartbeat.request.create({ groupId: 'g', generationId, memberId: 'm' }));
  return { heartbeat };
}

const alice = { username: 'alice', password: 'secret' } as const;
const passwords = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

describe.each(passwords)('%s', (mechanism) => {
  test('lets in who knows the password, on every connection, before anything else is asked', async () => {
    const node = await startNode({ mechanisms: [mechanism] });
    const { heartbeat } = await connect(node, { mechanism, ...alice });
    expect((await heartbeat(7)).errorCode).toBe(7);
    const logins = mechanism === 'PLAIN' ? ['saslAuthenticate'] : ['saslAuthenticate', 'saslAuthenticate'];
    expect(node.begun).toEqual(['saslHandshake', ...logins, 'heartbeat']);
  });

  test('a wrong password is told in one sentence, without it, and not tried again', async () => {
    const node = await startNode({ mechanisms: [mechanism], password: 'another' });
    const network = tcpNetwork({ bootstrap: `127.0.0.1:${node.port}`, sasl: { mechanism, ...alice } });
    const client = createClient({ network });
    undo.push(() => client.close());
    const refused = await client
      .admin()
      .describeCluster()
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'AUTHENTICATION_FAILED',
      message: `127.0.0.1:${node.port} was not logged in to by ${mechanism}: Authentication failed: Invalid username or password; check the user name and the password, or where the token comes from`,
    });
    expect(inspect(refused, { depth: 9, showHidden: true })).not.toContain('secret');
    expect(node.begun.filter((api) => api === 'saslHandshake')).toHaveLength(1);
  });
});

test('a server that does not know the password is not believed', async () => {
  const node = await startNode({ mechanisms: ['SCRAM-SHA-256'], impostor: true });
  await expect(connect(node, { mechanism: 'SCRAM-SHA-256', ...alice })).rejects.toMatchObject({
    code: 'AUTHENTICATION_FAILED',
    detail: { reason: 'the server did not prove that it knows the password' },
  });
});

test('a mechanism that the node has not is told with those it has', async () => {
  const node = await startNode({ mechanisms: ['PLAIN', 'OAUTHBEARER'] });
  await expect(connect(node, { mechanism: 'SCRAM-SHA-512', ...alice })).rejects.toThrow(
    'lets nobody log in by SCRAM-SHA-512; it takes PLAIN, OAUTHBEARER',
  );
});

describe('OAUTHBEARER', () => {
  test('sends the token and its extensions', async () => {
    const node = await startNode({ mechanisms: ['OAUTHBEARER'], tokens: ['a.b.c'] });
    const token = () => ({ value: 'a.b.c', extensions: { logicalCluster: 'lkc-1' } });
    const { heartbeat } = await connect(node, { mechanism: 'OAUTHBEARER', token });
    expect((await heartbeat(3)).errorCode).toBe(3);
    expect(node.shown).toEqual(['n,,\x01auth=Bearer a.b.c\x01logicalCluster=lkc-1\x01\x01']);
  });

  test('a token that is refused is told without it', async () => {
    const node = await startNode({ mechanisms: ['OAUTHBEARER'] });
    const failure = connect(node, { mechanism: 'OAUTHBEARER', token: () => ({ value: 'forged' }) });
    const error = await failure.catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'AUTHENTICATION_FAILED' });
    expect(inspect(error, { depth: 9 })).not.toContain('forged');
  });

  test('a callback that fails is asked again by the next connection', async () => {
    const node = await startNode({ mechanisms: ['OAUTHBEARER'], tokens: ['t'] });
    let calls = 0;
    const token = async () => {
      if (calls++ === 0) throw new Error('the identity provider is away');
      return { value: 't' };
    };
    const sasl = { mechanism: 'OAUTHBEARER', token } as const;
    const network = tcpNetwork({ bootstrap: `127.0.0.1:${node.port}`, sasl, clock, random: seededRandom(7) });
    await expect(network.bootstrap()).rejects.toThrow('the identity provider is away');
    const transport = await network.bootstrap();
    await transport.close();
  });

  test('a token serves all connections until four fifths of its life are over', async () => {
    const node = await startNode({ mechanisms: ['OAUTHBEARER'], tokens: ['t1', 't2'] });
    let calls = 0;
    const token = () => ({ value: `t${++calls}`, lifetimeMs: 1_000 });
    const sasl = { mechanism: 'OAUTHBEARER', token } as const;
    const network = tcpNetwork({ bootstrap: `127.0.0.1:${node.port}`, sasl, clock, random: seededRandom(7) });
    const open = async () => (await network.bootstrap()).close();
    await open();
    clock.advance(799);
    await open();
    expect(calls).toBe(1);
    clock.advance(2);
    await open();
    expect(calls).toBe(2);
  });

  test('a callback that does not come back is no login, and may be tried again', async () => {
    const node = await startNode({ mechanisms: ['OAUTHBEARER'] });
    const sasl = { mechanism: 'OAUTHBEARER', token: () => new Promise<never>(() => {}) } as const;
    const network = tcpNetwork({ bootstrap: `127.0.0.1:${node.port}`, sasl, connectTimeoutMs: 200 });
    await expect(network.bootstrap()).rejects.toMatchObject({ code: 'CONNECTION_LOST', retriable: true });
  });

  test.each(['', 'two words', 'a\x01auth=Bearer b', 'a\nb'])('what is no token is not sent: %j', async (value) => {
    const node = await startNode({ mechanisms: ['OAUTHBEARER'] });
    const failure = connect(node, { mechanism: 'OAUTHBEARER', token: () => ({ value }) });
    await expect(failure).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
    expect(node.shown).toEqual([]);
  });
});

describe('a session that ends (KIP-368)', () => {
  const sasl = { mechanism: 'PLAIN', ...alice } as const;

  test('is renewed on the same connection by the next request, before its end', async () => {
    const node = await startNode({ mechanisms: ['PLAIN'], lifetimeMs: 10_000 });
    const { heartbeat } = await connect(node, sasl);
    clock.advance(8_400);
    await heartbeat(1);
    expect(node.begun.filter((api) => api === 'saslHandshake')).toHaveLength(1);
    clock.advance(1_200);
    await heartbeat(2);
    await heartbeat(3);
    expect(node.begun.slice(2)).toEqual(['heartbeat', 'saslHandshake', 'saslAuthenticate', 'heartbeat', 'heartbeat']);
  });

  test('what is asked meanwhile is asked after, in its order', async () => {
    const node = await startNode({ mechanisms: ['PLAIN'], lifetimeMs: 10_000 });
    const { heartbeat } = await connect(node, sasl);
    clock.advance(9_600);
    const answers = [1, 2, 3].map(heartbeat);
    expect((await Promise.all(answers)).map(({ errorCode }) => errorCode)).toEqual([1, 2, 3]);
    expect(node.begun.slice(2)).toEqual(['saslHandshake', 'saslAuthenticate', 'heartbeat', 'heartbeat', 'heartbeat']);
  });

  test('a password that holds no more fails what was asked, and not for good', async () => {
    const node = await startNode({ mechanisms: ['PLAIN'], lifetimeMs: 10_000 });
    const { heartbeat } = await connect(node, sasl);
    clock.advance(9_600);
    node.takes('changed');
    await expect(Promise.all([heartbeat(1), heartbeat(2)])).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
    node.takes('secret');
    expect((await heartbeat(3)).errorCode).toBe(3);
  });
});
