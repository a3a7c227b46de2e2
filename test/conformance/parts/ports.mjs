// Free ports on loopback.
import { createServer } from 'node:net';

export function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  return Promise.all(
    servers.map(
      (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port))),
    ),
  ).finally(() => {
    for (const server of servers) server.close();
  });
}
