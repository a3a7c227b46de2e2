// Apache Kafka's jars, from Maven: broker, tools, Streams and clients of one version. Everything in Java stands on them.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { notRun, once, peersFolder, run } from './peers.mjs';

export const javaSources = fileURLToPath(new URL('../clients/java', import.meta.url));
const pom = join(javaSources, 'pom.xml');
const folder = join(peersFolder, 'java');
/** Where the jars are. */
export const jars = join(folder, 'libs');
let installing;

export const logging = `-Dlog4j2.configurationFile=${join(javaSources, 'log4j2.xml')}`;
export const classPath = `${join(folder, 'classes')}:${jars}/*`;
/** Small heaps and a quick start: these are short programs on a machine that others use too. */
export const javaFlags = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', logging];

/** @returns the class path */
export function installJava() {
  installing ??= install();
  return installing;
}

async function install() {
  try {
    await once(folder, [pom], () =>
      run(
        'mvn',
        ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`, '-DincludeScope=runtime'],
        {
          cwd: peersFolder,
        },
      ),
    );
  } catch (error) {
    throw notRun('Maven', error);
  }
  const classes = join(folder, 'classes');
  const sources = readdirSync(join(javaSources, 'src')).map((name) => join(javaSources, 'src', name));
  await once(classes, sources, () => run('javac', ['-nowarn', '-cp', `${jars}/*`, '-d', classes, ...sources]));
  return classPath;
}
