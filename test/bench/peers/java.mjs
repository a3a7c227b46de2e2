// What is measured against us in Java, compiled against Apache Kafka's jars and Avro's, which is all that pom.xml is for.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installJava, jars } from '../../conformance/parts/java.mjs';
import { once, peersFolder, run } from '../../conformance/parts/peers.mjs';

const folder = fileURLToPath(new URL('./java', import.meta.url));
const pom = fileURLToPath(new URL('./pom.xml', import.meta.url));

/** @returns the class path */
export async function compileJava() {
  const installed = await installJava();
  const more = join(peersFolder, 'bench-jars');
  await once(more, [pom], () =>
    run('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${more}`], {
      cwd: peersFolder,
    }),
  );
  const classes = join(peersFolder, 'bench-classes');
  const sources = readdirSync(folder).map((name) => join(folder, name));
  await once(classes, sources, () =>
    run('javac', ['-nowarn', '-cp', `${jars}/*:${more}/*`, '-d', classes, ...sources]),
  );
  return `${classes}:${installed}:${more}/*`;
}
