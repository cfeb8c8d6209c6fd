/** Brings sample images into a registry over plain HTTP: with one request a blob, where the registry knows how. */
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { askPlainly } from './plain-http.ts';
import type { SampleNode } from './sample-image.ts';
import type { SampleBlob } from './sample-layer.ts';

type Headers = Readonly<Record<string, string>>;

/** A registry that begins a session does not read what came with the request, and breaks off the connection over much. */
const MAX_AT_ONCE_BYTES = 64 * 1024;

/**
 * Pushes a node and all it reaches: blobs, children, the node, then the tags.
 * @param headers - sent with every request, such as `Authorization`
 * @throws Error with what the registry said when it refuses something
 */
export async function pushSample(
  registryUrl: string,
  repository: string,
  node: SampleNode,
  tags: readonly string[] = [],
  headers: Headers = {},
): Promise<Descriptor> {
  const base = `${registryUrl}/v2/${repository}`;
  const pushed = new Set<string>();
  const push = async ({ children, blobs, descriptor, bytes }: SampleNode, names: readonly string[]): Promise<void> => {
    for (const child of children) await push(child, []);
    for (const blob of blobs) {
      if (!pushed.has(blob.descriptor.digest)) await pushBlob(base, blob, headers);
      pushed.add(blob.descriptor.digest);
    }
    for (const reference of [descriptor.digest, ...names]) {
      await call('PUT', `${base}/manifests/${reference}`, { ...headers, 'Content-Type': descriptor.mediaType }, bytes);
    }
  };
  await push(node, tags);
  return node.descriptor;
}

/** Pushes one blob. `repositoryUrl` is `http://host/v2/<name>`. */
export async function pushBlob(
  repositoryUrl: string,
  { descriptor: { digest }, bytes }: SampleBlob,
  headers: Headers = {},
): Promise<void> {
  const content = { ...headers, 'Content-Type': 'application/octet-stream' };
  const uploads = `${repositoryUrl}/blobs/uploads/`;
  const { status, location = '' } =
    bytes.length > MAX_AT_ONCE_BYTES
      ? await call('POST', uploads, headers, Buffer.alloc(0))
      : await call('POST', `${uploads}?digest=${digest}`, content, bytes);
  if (status === 201) return;
  // A session, which a registry may begin instead.
  const session = new URL(location, uploads);
  session.searchParams.set('digest', digest);
  await call('PUT', session.href, content, bytes);
}

async function call(
  method: string,
  url: string,
  headers: Headers,
  body: Buffer,
): Promise<{ readonly status: number; readonly location: string | undefined }> {
  const { status, headers: said, bytes } = await askPlainly(method, url, headers, body);
  if (status < 200 || status >= 300) throw new Error(`${method} ${url}: ${status} ${bytes.toString()}`);
  return { status, location: said.location };
}
