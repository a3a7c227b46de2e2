// An authority of our own and what it vouches for, made with openssl in a folder for one test run. Nothing is kept.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Issued {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  /** Its own certificate, a file. */
  readonly cert: string;
  /** @param names as `DNS:localhost` or `IP:127.0.0.1`. Paths of PEM files, the key in PKCS #8. */
  issue(name: string, names: readonly string[]): Promise<Issued>;
}

export async function createAuthority(folder: string, name = 'authority'): Promise<Authority> {
  const file = (suffix: string) => join(folder, `${name}${suffix}`);
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const newKey = ['-newkey', 'rsa:2048', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    file('.key'),
    '-out',
    file('.pem'),
  );
  return {
    cert: file('.pem'),
    async issue(subject, names) {
      const issued = { cert: join(folder, `${subject}.pem`), key: join(folder, `${subject}.key`) };
      const request = join(folder, `${subject}.csr`);
      const extensions = join(folder, `${subject}.ext`);
      await writeFile(extensions, `subjectAltName=${names.join(',')}\nextendedKeyUsage=serverAuth,clientAuth\n`);
      await openssl('req', ...newKey, '-subj', `/CN=${subject}`, '-keyout', issued.key, '-out', request);
      const signer = ['-CA', file('.pem'), '-CAkey', file('.key'), '-CAcreateserial'];
      await openssl(
        'x509',
        '-req',
        '-in',
        request,
        ...signer,
        '-days',
        '2',
        '-extfile',
        extensions,
        '-out',
        issued.cert,
      );
      return issued;
    },
  };
}
