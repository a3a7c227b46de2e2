// Apache Kafka with listeners that let in only whom they know: SECURE asks for a login over TLS, MUTUAL for a certificate.
// Sessions are short, so that clients must log in anew while they work.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startKafka } from './kafka.mjs';
import { freePorts } from './ports.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'];
export const user = { name: 'ada', password: 'se;cret#1!' };
export const sessionMs = 2_000;

const login = (name) => `org.apache.kafka.common.security.${name}`;
/** @returns what sasl.jaas.config is for that mechanism, of a client */
export function jaasOf(mechanism, password = user.password) {
  if (mechanism === 'OAUTHBEARER') {
    return `${login('oauthbearer.OAuthBearerLoginModule')} required unsecuredLoginStringClaim_sub="${user.name}";`;
  }
  const module = mechanism === 'PLAIN' ? 'plain.PlainLoginModule' : 'scram.ScramLoginModule';
  return `${login(module)} required username="${user.name}" password="${password}";`;
}

/** @param folder for certificates */
export async function startSecureKafka(folder) {
  const { createAuthority } = await import(pathToFileURL(join(root, 'dist/test/support/certificates.js')).href);
  const authority = await createAuthority(folder);
  const issued = await authority.issue('broker', ['IP:127.0.0.1', 'DNS:localhost']);
  const store = join(folder, 'broker-store.pem');
  await writeFile(store, (await readFile(issued.key, 'utf8')) + (await readFile(issued.cert, 'utf8')));
  const [secure, mutual] = await freePorts(2);
  const onSecure = (name) => `listener.name.secure.${name}`;
  const jaas = Object.fromEntries(
    mechanisms.map((mechanism) => {
      const module =
        mechanism === 'PLAIN'
          ? `${login('plain.PlainLoginModule')} required user_${user.name}="${user.password}";`
          : mechanism === 'OAUTHBEARER'
            ? `${login('oauthbearer.OAuthBearerLoginModule')} required unsecuredLoginStringClaim_sub="broker";`
            : `${login('scram.ScramLoginModule')} required;`;
      return [onSecure(`${mechanism.toLowerCase()}.sasl.jaas.config`), module];
    }),
  );
  const kafka = await startKafka(1, {
    ports: { SECURE: secure, MUTUAL: mutual },
    protocols: { SECURE: 'SASL_SSL', MUTUAL: 'SSL' },
    settings: {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': store,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': authority.cert,
      'listener.name.mutual.ssl.client.auth': 'required',
      [onSecure('sasl.enabled.mechanisms')]: mechanisms.join(','),
      [onSecure('connections.max.reauth.ms')]: sessionMs,
      ...jaas,
    },
    format: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${user.name},password=${user.password}]`,
    ]),
  });
  return { ...kafka, authority, secure: `127.0.0.1:${secure}`, mutual: `127.0.0.1:${mutual}` };
}
