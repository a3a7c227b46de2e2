import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SaslOptions } from '../../core/client/index.ts';
import { readClientConfig } from '../../runtime/cli/client-config.ts';
import { parseProperties } from '../../runtime/cli/properties-file.ts';
import { millrace } from '../support/millrace.ts';
import { startSaslNode } from '../support/sasl-node.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-config-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let files = 0;
async function fileOf(text: string, name = `client-${++files}.properties`): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}
const read = async (text: string) => readClientConfig(await fileOf(text));

const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule';
const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule';
const bearer = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule';

test('a file as users of Kafka have it', async () => {
  const config = await read(`# comment
security.protocol=SASL_PLAINTEXT
sasl.mechanism = SCRAM-SHA-512
sasl.jaas.config=${scram} required \\
    username="alice" \\
    password="al\\\\"ice; =secret";
`);
  expect(config).toEqual({
    sasl: { mechanism: 'SCRAM-SHA-512', username: 'alice', password: 'al"ice; =secret' },
  });
});

test("a user and a password by librdkafka's names", async () => {
  const text = 'security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=bob\nsasl.password=b';
  expect(await read(text)).toEqual({ sasl: { mechanism: 'PLAIN', username: 'bob', password: 'b' } });
});

const pem = '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n';

test('certificates in PEM form, from files and in place', async () => {
  const ca = await fileOf(pem, 'ca.pem');
  const own = await fileOf(`${pem}-----BEGIN PRIVATE KEY-----\n`, 'own.pem');
  expect(
    await read(`security.protocol=SSL
ssl.truststore.type=PEM
ssl.truststore.location=${ca}
ssl.keystore.type=PEM
ssl.keystore.location=${own}
ssl.key.password=k
ssl.endpoint.identification.algorithm=
`),
  ).toEqual({
    tls: {
      ca: pem,
      cert: `${pem}-----BEGIN PRIVATE KEY-----\n`,
      key: `${pem}-----BEGIN PRIVATE KEY-----\n`,
      passphrase: 'k',
      verifyHost: false,
    },
  });
  const inPlace = await read('security.protocol=SSL\nssl.truststore.certificates=-----BEGIN A-----\\n\\\n  MII\\n');
  expect(inPlace).toEqual({ tls: { ca: '-----BEGIN A-----\nMII\n' } });
  expect(await read('security.protocol=PLAINTEXT')).toEqual({});
});

describe('is refused in words', () => {
  const sasl = 'security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n';

  test.each([
    ['securty.protocol=SSL', "there is no 'securty.protocol' here; perhaps security.protocol"],
    ['sasl.mechanisms=PLAIN', "there is no 'sasl.mechanisms' here; perhaps sasl.mechanism"],
    ['acks=all', "there is no 'acks' here"],
    ['bootstrap.servers=a:1', 'bootstrap.servers is given with --bootstrap'],
    ['ssl.truststore.password=x', 'ssl.truststore.password belongs to stores of Java'],
    ['security.protocol=TLS', 'security.protocol must be PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL'],
    ['sasl.mechanism=PLAIN', 'sasl.mechanism has no use with security.protocol=PLAINTEXT'],
    ['security.protocol=SASL_SSL', 'sasl.mechanism must be PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER'],
    ['security.protocol=SASL_PLAINTEXT\nsasl.mechanism=GSSAPI', 'sasl.mechanism must be PLAIN'],
    ['security.protocol=SSL\nssl.truststore.type=JKS', 'ssl.truststore.type must be PEM'],
    [sasl, 'PLAIN needs username and password'],
    [`${sasl}sasl.jaas.config=${scram} required username="u" password="p";`, 'names ScramLoginModule, and PLAIN is of'],
    ['security.protocol', 'line 1 is not name=value'],
  ])('%s', async (text, problem) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'BAD_SETTINGS', message: expect.stringContaining(problem) });
  });

  test.each([
    `${sasl}sasl.jaas.config=${plain} required username="u" password="hidden"`,
    `${sasl}sasl.jaas.config=${plain} required username="u" password="hidden;`,
    `${sasl}sasl.jaas.config=${scram} required username="u" password="hidden";`,
    `${sasl}sasl.jaas.config=${plain} username="u" password="hidden";`,
    `${sasl}sasl.password=hidden`,
    'security.protocol=SASL_SSL\nsasl.mechanism=hidden',
    'hidden',
  ])('without its password: %s', async (text) => {
    const error = await read(text).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'BAD_SETTINGS' });
    expect(String(error)).not.toContain('hidden');
  });

  test('a file that is missing', async () => {
    await expect(readClientConfig(join(folder, 'none'))).rejects.toMatchObject({ code: 'FILE_FAILED' });
  });
});

describe('tokens of OAUTHBEARER', () => {
  const oauth = 'security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n';
  const tokenOf = (sasl: SaslOptions | undefined) => {
    if (sasl?.mechanism !== 'OAUTHBEARER') throw new Error('no tokens');
    return sasl.token();
  };

  test('without a signature, for trying out', async () => {
    const { sasl } = await read(`${oauth}sasl.jaas.config=${bearer} required unsecuredLoginStringClaim_sub="alice";`);
    const { value } = await tokenOf(sasl);
    const [header, claims, signature] = value.split('.');
    expect(Buffer.from(header!, 'base64url').toString()).toBe('{"alg":"none"}');
    expect(JSON.parse(Buffer.from(claims!, 'base64url').toString())).toMatchObject({ sub: 'alice' });
    expect(signature).toBe('');
  });

  test('from an endpoint, for client credentials', async () => {
    const seen: unknown[] = [];
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      seen.push([request.headers.authorization, body]);
      response.end('{"access_token":"abc","expires_in":60}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
      const { sasl } = await read(
        `${oauth}sasl.oauthbearer.token.endpoint.url=${url}\nsasl.jaas.config=${bearer} required clientId="me" clientSecret="s" scope="kafka";`,
      );
      expect(await tokenOf(sasl)).toEqual({ value: 'abc', lifetimeMs: 60_000 });
      const authorization = `Basic ${Buffer.from('me:s').toString('base64')}`;
      expect(seen).toEqual([[authorization, 'grant_type=client_credentials&scope=kafka']]);
    } finally {
      server.close();
    }
  });

  test('from nowhere', async () => {
    await expect(read(oauth)).rejects.toThrow('OAUTHBEARER needs sasl.oauthbearer.token.endpoint.url');
  });
});

test('what a properties file may hold', () => {
  const text = 'a=1\r\n! no\n b : two words \nc=x\\\\\nd\\=e=\\u00e9\\t\n\nf=\ng=1,\\\n   2,\\\n   3';
  expect(parseProperties(text, 'it')).toEqual({ a: '1', b: 'two words', c: 'x\\', 'd=e': 'é\t', f: '', g: '1,2,3' });
});

describe('millrace --client-config', () => {
  const jaas = (password: string) =>
    `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\nsasl.jaas.config=${scram} required username="alice" password="${password}";\n`;

  test('a wrong password ends the command at once, and is not shown', async () => {
    await using node = await startSaslNode({ mechanisms: ['SCRAM-SHA-256'] });
    const config = await fileOf(jaas('mistaken'));
    const at = `127.0.0.1:${node.port}`;
    const { code, stderr } = await millrace(['topic', 'list', '--bootstrap', at, '--client-config', config]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${at} was not logged in to by SCRAM-SHA-256`);
    expect(stderr).not.toContain('mistaken');
  });

  test('a cluster that wants a login and says nothing is told of', async () => {
    const server = createNetServer((socket) => socket.once('data', () => socket.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { code, stderr } = await millrace(['topic', 'list', '--bootstrap', at]);
      expect(code).toBe(1);
      expect(stderr).toContain(`no answer from ${at}: it closed the connection, as one does that wants TLS or a login`);
    } finally {
      server.close();
    }
  });

  test('without a cluster there is nobody to log in to', async () => {
    const config = await fileOf(jaas('secret'));
    const { code, stderr } = await millrace([
      'topic',
      'list',
      '--data',
      join(folder, 'log'),
      '--client-config',
      config,
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('name a cluster by --bootstrap');
  });
});
