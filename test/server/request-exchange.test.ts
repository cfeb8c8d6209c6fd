/** A refusal when an answer has begun: the client must not take what came for the whole. */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { Exchange } from '../../src/server/request-exchange.ts';
import { Refusal } from '../../src/server/client-refusal.ts';

test('cuts the connection, also where the length was not said', async () => {
  for (const headers of [{ 'Content-Length': 10 }, {}]) {
    const server = createServer((incoming, response) => {
      const exchange = new Exchange(incoming, response);
      response.writeHead(200, headers);
      response.write('half', () => exchange.refuse(new Refusal('UNKNOWN', 'the disk is gone')));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const asking = request({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }).end();
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    const read = (async (): Promise<string> => (await answer.setEncoding('utf8').toArray()).join(''))();
    await expect(read).rejects.toMatchObject({ code: 'ECONNRESET' });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
