/** A web server on loopback over files in memory, as chart repositories are served; remembers what it was asked. */
import { startScriptedServer, type ScriptedServer } from './scripted-server.ts';

/** What one server serves, and how. */
export interface FileServerOptions {
  /** The `Authorization` without which all is refused. */
  readonly authorization?: string;
  /** What a refusal asks for. @defaultValue `Basic realm="charts"` */
  readonly challenge?: string;
  /** Of loopback; another than 127.0.0.1 stands for another host. */
  readonly address?: string;
}

/** Serves `files` by their paths, `/charts/index.yaml`; a map that changes is served as it is then. */
export function serveFiles(
  files: ReadonlyMap<string, string | Buffer>,
  { authorization, challenge = 'Basic realm="charts"', address }: FileServerOptions = {},
): Promise<ScriptedServer> {
  return startScriptedServer((request, response) => {
    if (authorization !== undefined && request.headers.authorization !== authorization) {
      response.writeHead(401, { 'www-authenticate': challenge }).end('no');
      return;
    }
    const content = files.get(request.url ?? '');
    if (content === undefined) response.writeHead(404).end('not found');
    else response.writeHead(200, { 'content-length': Buffer.byteLength(content) }).end(content);
  }, address);
}
