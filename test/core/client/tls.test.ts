import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TlsOptions as ServerOptions } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createClient, type SecurityOptions, tcpNetwork } from '../../../core/client/index.ts';
import { apis } from '../../../core/protocol/api-table.ts';
import { type Authority, createAuthority, type Issued } from '../../support/certificates.ts';
import { startSaslNode } from '../../support/sasl-node.ts';

let folder: string;
let authority: Authority;
let node: Issued;
let ca: Buffer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-tls-'));
  authority = await createAuthority(folder);
  node = await authority.issue('node', ['DNS:localhost']);
  ca = await readFile(authority.cert);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** TLS in front of a node, as a broker's SSL listener. @returns its port */
async function startSecureNode(options: ServerOptions = {}): Promise<number> {
  const behind = await startSaslNode({ mechanisms: ['PLAIN'] });
  undo.push(() => behind[Symbol.asyncDispose]());
  const { cert, key } = node;
  const server: Server = createServer(
    { cert: await readFile(cert), key: await readFile(key), ...options },
    (secure) => {
      const plain = connect(behind.port, '127.0.0.1');
      secure.pipe(plain).pipe(secure);
      for (const socket of [secure, plain]) {
        socket.on('error', () => {
          secure.destroy();
          plain.destroy();
        });
      }
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undo.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function heartbeat(bootstrap: string, security: SecurityOptions): Promise<number> {
  const transport = await tcpNetwork({ bootstrap, ...security }).bootstrap();
  try {
    const request = apis.heartbeat.request.create({ groupId: 'g', generationId: 7, memberId: 'm' });
    return (await transport.call('heartbeat', 4, request)).errorCode;
  } finally {
    await transport.close();
  }
}

test('a node whose certificate is trusted is spoken to', async () => {
  const port = await startSecureNode();
  expect(await heartbeat(`localhost:${port}`, { tls: { ca } })).toBe(7);
});

test('SASL goes over it', async () => {
  const port = await startSecureNode();
  const sasl = { mechanism: 'PLAIN', username: 'alice', password: 'secret' } as const;
  expect(await heartbeat(`localhost:${port}`, { tls: { ca }, sasl })).toBe(7);
});

describe('is refused for good, in words', () => {
  test('an authority that is not trusted', async () => {
    const client = createClient({
      network: tcpNetwork({ bootstrap: `localhost:${await startSecureNode()}`, tls: true }),
    });
    undo.push(() => client.close());
    await expect(client.admin().describeCluster()).rejects.toMatchObject({ code: 'TLS_FAILED', retriable: false });
  });

  test('another name than the one connected to', async () => {
    const port = await startSecureNode();
    await expect(heartbeat(`127.0.0.1:${port}`, { tls: { ca } })).rejects.toThrow(
      /^no secure connection to 127\.0\.0\.1:\d+: .*IP: 127\.0\.0\.1 is not in the cert's list/,
    );
  });

  test('a key that is none', async () => {
    const port = await startSecureNode();
    const failure = heartbeat(`localhost:${port}`, { tls: { ca, cert: 'x', key: 'y' } });
    await expect(failure).rejects.toMatchObject({ code: 'TLS_FAILED' });
  });

  test('nobody, where a certificate of ours is wanted', async () => {
    const port = await startSecureNode({ requestCert: true, rejectUnauthorized: true, ca });
    await expect(heartbeat(`localhost:${port}`, { tls: { ca } })).rejects.toMatchObject({ code: 'TLS_FAILED' });
  });
});

test('a certificate of ours is shown where one is wanted', async () => {
  const port = await startSecureNode({ requestCert: true, rejectUnauthorized: true, ca });
  const own = await authority.issue('client', ['DNS:client']);
  const tls = { ca, cert: await readFile(own.cert), key: await readFile(own.key) };
  expect(await heartbeat(`localhost:${port}`, { tls })).toBe(7);
});

test('the name is not looked at where that was said, or is the one that was said', async () => {
  const port = await startSecureNode();
  expect(await heartbeat(`127.0.0.1:${port}`, { tls: { ca, verifyHost: false } })).toBe(7);
  expect(await heartbeat(`127.0.0.1:${port}`, { tls: { ca, servername: 'localhost' } })).toBe(7);
  expect(await heartbeat(`127.0.0.1:${port}`, { tls: { rejectUnauthorized: false } })).toBe(7);
});

test('a node without TLS is no node to speak to', async () => {
  const plain = await startSaslNode({ mechanisms: [] });
  undo.push(() => plain[Symbol.asyncDispose]());
  await expect(heartbeat(`localhost:${plain.port}`, { tls: { ca } })).rejects.toMatchObject({
    code: expect.stringMatching(/^(CONNECTION_LOST|TLS_FAILED)$/),
  });
});
