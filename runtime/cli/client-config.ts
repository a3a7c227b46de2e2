// --client-config: how a cluster is connected to, in a file with the names that Kafka's clients have for it. Those that are
// no matter of security are refused, because the command line says them. No value is ever part of an error.
import type { SaslOptions, SecurityOptions, TlsOptions } from '../../core/client/index.ts';
import { Fault } from '../../core/kernel/fault.ts';
import { fetchToken, unsecuredToken } from './client-token.ts';
import { type JaasEntry, parseJaas } from './jaas.ts';
import { nearest } from './nearest.ts';
import { readProperties, readTextFile } from './properties-file.ts';

const known = [
  'security.protocol',
  'sasl.mechanism',
  'sasl.jaas.config',
  // As librdkafka has them.
  'sasl.username',
  'sasl.password',
  'sasl.oauthbearer.token.endpoint.url',
  // Java's way to choose where tokens come from; here it follows from the rest.
  'sasl.login.callback.handler.class',
  'ssl.truststore.type',
  'ssl.truststore.location',
  'ssl.truststore.certificates',
  'ssl.ca.location',
  'ssl.keystore.type',
  'ssl.keystore.location',
  'ssl.keystore.key',
  'ssl.keystore.certificate.chain',
  'ssl.certificate.location',
  'ssl.key.location',
  'ssl.key.password',
  'ssl.endpoint.identification.algorithm',
] as const;
type Name = (typeof known)[number];
type Given = Readonly<Partial<Record<Name, string>>>;
/** Makes the error of what is wrong. */
type Bad = (problem: string) => Fault;

const protocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const;
const modules = {
  PLAIN: 'PlainLoginModule',
  'SCRAM-SHA-256': 'ScramLoginModule',
  'SCRAM-SHA-512': 'ScramLoginModule',
  OAUTHBEARER: 'OAuthBearerLoginModule',
} as const;
type Mechanism = keyof typeof modules;

/** @throws Fault `FILE_FAILED`, `BAD_SETTINGS` */
export async function readClientConfig(path: string): Promise<SecurityOptions> {
  const given = await readProperties(path);
  const problems = Object.keys(given).flatMap((name) => objection(name));
  if (problems.length > 0) throw new Fault('BAD_SETTINGS', { of: path, problems });
  const bad: Bad = (problem) => new Fault('BAD_SETTINGS', { of: path, problems: [problem] });
  const settings = given as Given;
  const protocol = settings['security.protocol'] ?? 'PLAINTEXT';
  if (!(protocols as readonly string[]).includes(protocol)) {
    throw bad(`security.protocol must be ${protocols.join(', ')}`);
  }
  // What the protocol makes no use of is a mistake: who gave a password believes that it is asked for.
  const unused = Object.keys(given).find(
    (name) =>
      (name.startsWith('sasl.') && !protocol.startsWith('SASL')) ||
      (name.startsWith('ssl.') && !protocol.endsWith('SSL')),
  );
  if (unused !== undefined) throw bad(`${unused} has no use with security.protocol=${protocol}`);
  return {
    ...(protocol.endsWith('SSL') ? { tls: await tlsOf(settings, bad) } : {}),
    ...(protocol.startsWith('SASL') ? { sasl: saslOf(settings, bad) } : {}),
  };
}

function objection(name: string): string[] {
  if ((known as readonly string[]).includes(name)) return [];
  if (name === 'bootstrap.servers') return ['bootstrap.servers is given with --bootstrap'];
  if (/^ssl\.(truststore|keystore)\.password$/.test(name)) {
    return [`${name} belongs to stores of Java; PEM files have ssl.key.password`];
  }
  const meant = nearest(name, known);
  return [`there is no '${name}' here${meant === undefined ? '' : `; perhaps ${meant}`}`];
}

async function tlsOf(given: Given, bad: Bad): Promise<TlsOptions> {
  for (const name of ['ssl.truststore.type', 'ssl.keystore.type'] as const) {
    if (given[name] !== undefined && given[name] !== 'PEM') {
      throw bad(`${name} must be PEM; 'keytool -exportcert -rfc' and 'openssl pkcs12 -nodes' write it`);
    }
  }
  const algorithm = given['ssl.endpoint.identification.algorithm'] ?? 'https';
  if (algorithm !== 'https' && algorithm !== '' && algorithm !== 'none') {
    throw bad(
      'ssl.endpoint.identification.algorithm must be https, or empty: then the name in the certificate is not looked at',
    );
  }
  const pem = async (inline: Name | null, ...files: Name[]): Promise<string | undefined> => {
    if (inline !== null && given[inline] !== undefined) return given[inline];
    const from = files.find((name) => given[name] !== undefined);
    if (from === undefined) return undefined;
    const text = await readTextFile(given[from]!);
    if (!text.includes('-----BEGIN ')) throw bad(`the file of ${from} is not in PEM form`);
    return text;
  };
  const ca = await pem('ssl.truststore.certificates', 'ssl.truststore.location', 'ssl.ca.location');
  const cert = await pem('ssl.keystore.certificate.chain', 'ssl.certificate.location', 'ssl.keystore.location');
  const key = await pem('ssl.keystore.key', 'ssl.key.location', 'ssl.keystore.location');
  if ((cert === undefined) !== (key === undefined))
    throw bad('a certificate of the client needs its key, and the key its certificate');
  const passphrase = given['ssl.key.password'];
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(algorithm === 'https' ? {} : { verifyHost: false }),
  };
}

function saslOf(given: Given, bad: Bad): SaslOptions {
  const mechanism = given['sasl.mechanism'];
  if (mechanism === undefined || !Object.hasOwn(modules, mechanism)) {
    throw bad(`sasl.mechanism must be ${Object.keys(modules).join(', ')}`);
  }
  const jaas = jaasOf(given, mechanism as Mechanism, bad);
  if (mechanism === 'OAUTHBEARER') return { mechanism, token: tokensOf(given, jaas?.options ?? {}, bad) };
  const username = jaas?.options['username'] ?? given['sasl.username'];
  const password = jaas?.options['password'] ?? given['sasl.password'];
  if (username === undefined || password === undefined) {
    throw bad(`${mechanism} needs username and password in sasl.jaas.config, or sasl.username and sasl.password`);
  }
  return { mechanism: mechanism as 'PLAIN', username, password };
}

function jaasOf(given: Given, mechanism: Mechanism, bad: Bad): JaasEntry | null {
  const text = given['sasl.jaas.config'];
  if (text === undefined) return null;
  const entry = parseJaas(text);
  if (entry === null) throw bad(`sasl.jaas.config must be of the form: ${modules[mechanism]} required name="value" …;`);
  if (entry.module !== modules[mechanism]) {
    throw bad(`sasl.jaas.config names ${entry.module}, and ${mechanism} is of ${modules[mechanism]}`);
  }
  return entry;
}

const claimPrefix = 'unsecuredLoginStringClaim_';

function tokensOf(given: Given, options: Readonly<Record<string, string>>, bad: Bad) {
  const url = given['sasl.oauthbearer.token.endpoint.url'];
  if (url !== undefined) {
    const { clientId, clientSecret, scope } = options as Readonly<Partial<Record<string, string>>>;
    if (!URL.canParse(url)) throw bad('sasl.oauthbearer.token.endpoint.url is no URL');
    if (clientId === undefined || clientSecret === undefined) {
      throw bad('sasl.oauthbearer.token.endpoint.url needs clientId and clientSecret in sasl.jaas.config');
    }
    return () => fetchToken({ url, clientId, clientSecret, scope });
  }
  const claims = Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) =>
      name.startsWith(claimPrefix) ? [[name.slice(claimPrefix.length), value]] : [],
    ),
  );
  if (claims['sub'] === undefined) {
    throw bad(
      `OAUTHBEARER needs sasl.oauthbearer.token.endpoint.url, or for trying out ${claimPrefix}sub in sasl.jaas.config`,
    );
  }
  return () => unsecuredToken(claims);
}
