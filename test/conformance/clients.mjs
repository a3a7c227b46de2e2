// The clients, in the order in which they run: how each is installed, and how its program starts.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installJava, javaFlags } from './parts/java.mjs';
import { NotRun, notRun, once, peersFolder, run } from './parts/peers.mjs';

export const folderOf = (language) => fileURLToPath(new URL(`clients/${language}`, import.meta.url));

/** What is installed once for several clients. */
const memo = (work) => {
  let doing;
  return () => (doing ??= work());
};

/** @returns the folder that has their packages */
export const installNode = memo(async () => {
  const [source, folder] = [folderOf('node'), join(peersFolder, 'node')];
  try {
    await once(folder, [join(source, 'package.json'), join(source, 'package-lock.json')], async () => {
      cpSync(source, folder, { recursive: true });
      await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder });
    });
  } catch (error) {
    throw notRun('npm', error);
  }
  cpSync(source, folder, { recursive: true });
  return folder;
});

const goFolder = join(peersFolder, 'go');

/** Each program is built by itself, so that what one lacks doesn't keep the others away. */
const goClient = (name, version, program, more = {}) => ({
  name,
  version,
  ...more,
  async install() {
    const source = folderOf('go');
    const target = join(goFolder, program);
    try {
      // The flag keeps the modules as go.sum has them.
      await once(
        target,
        ['go.mod', 'go.sum', 'harness', program].map((path) => join(source, path)),
        () => run('go', ['build', '-mod=readonly', '-o', join(target, 'program'), `./${program}`], { cwd: source }),
      );
    } catch (error) {
      throw notRun('go build', error);
    }
    return { command: join(target, 'program'), args: [] };
  },
});

/** @returns the interpreter that has the clients */
export const installPython = memo(async () => {
  const [source, folder] = [folderOf('python'), join(peersFolder, 'python')];
  const python = join(folder, 'bin', 'python');
  try {
    await once(folder, [join(source, 'requirements.txt')], async () => {
      await run('python3', ['-m', 'venv', folder]);
      await run(python, ['-m', 'pip', 'install', '--quiet', '-r', join(source, 'requirements.txt')]);
    });
  } catch (error) {
    throw notRun('pip', error);
  }
  return python;
});

const pythonClient = (name, version, program, more = {}) => ({
  name,
  version,
  ...more,
  async install() {
    const env = { PYTHONDONTWRITEBYTECODE: '1' };
    return { command: await installPython(), args: [join(folderOf('python'), program)], env };
  },
});

const installKcat = memo(async () => {
  try {
    await run('kcat', ['-V']);
  } catch (error) {
    if (!(error instanceof NotRun)) throw error;
    try {
      await run('apt-get', ['update', '-qq']);
      await run('apt-get', ['install', '-y', '-qq', 'kcat']);
    } catch (failed) {
      throw notRun('apt-get', failed);
    }
  }
});

const nodeClient = (name, version, more = {}) => ({
  name,
  version,
  ...more,
  async install() {
    return { command: process.execPath, args: [join(await installNode(), `${name}.mjs`)] };
  },
});

export const clients = [
  {
    name: 'java',
    version: '4.4.0',
    async install() {
      return { command: 'java', args: [...javaFlags, '-cp', await installJava(), 'JavaClient'] };
    },
  },
  {
    name: 'java-tools',
    version: '4.4.0',
    async install() {
      return { command: 'java', args: [...javaFlags, '-cp', await installJava(), 'JavaTools'] };
    },
  },
  pythonClient('confluent', '2.16.1', 'confluent_client.py'),
  pythonClient('aiokafka', '0.14.0', 'aiokafka_client.py'),
  pythonClient('kafka-python', '3.0.12', 'kafka_python_client.py'),
  goClient('franz-go', '1.22.3', 'franzgo'),
  goClient('sarama', '1.61.1', 'sarama'),
  // It gives null for no bytes.
  goClient('segmentio', '0.4.51', 'segmentio', { cannotRead: ['emptyBytes', 'emptyHeader'] }),
  {
    name: 'kcat',
    version: '1.7.1',
    // It prints headers as text, up to a zero byte.
    headersAsText: true,
    cannotRead: ['binaryHeader'],
    async install() {
      await installKcat();
      return { command: process.execPath, args: [join(folderOf('kcat'), 'kcat.mjs')] };
    },
  },
  nodeClient('kafkajs', '2.2.4', { codecs: ['none', 'gzip', 'snappy', 'lz4'] }),
  // Headers are a map to it.
  nodeClient('platformatic', '1.35.0', { codecs: ['none', 'gzip', 'lz4'], cannotRead: ['duplicateHeader'] }),
];
