/** The conformance suite of the distribution specification, as its authors publish it, against the embedded registry. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { requireGoBuild } from '../helpers/require-go-build.ts';
import { useTempDir } from '../helpers/temp.ts';
import { useRegistry } from '../helpers/use-registry.ts';

const run = promisify(execFile);
const registry = useRegistry({ allowDelete: true });
const temp = useTempDir();
const SUITE_TIMEOUT_MS = 300_000;

/** Everything that is optional and that the registry does: the suite then tests it instead of passing over it. */
const STRICT = {
  OCI_API_BLOBS_UPLOAD_CANCEL: 'true',
  OCI_API_BLOBS_DIGEST_HEADER: 'true',
  OCI_API_MANIFESTS_DIGEST_HEADER: 'true',
  OCI_API_MANIFESTS_TAG_PARAM: 'true',
};

/** One line for each interface of the four categories (pull, push, content discovery, content management). */
const INTERFACES = [
  ...['Ping', 'Blob get', 'Blob get range', 'Blob head'],
  ...['Manifest get by digest', 'Manifest get by tag', 'Manifest head by digest', 'Manifest head by tag'],
  ...['Blob push', 'Blob post only', 'Blob post put', 'Blob chunked', 'Blob streaming', 'Blob mount', 'Blob upload cancel'],
  ...['Manifest put by digest', 'Manifest put by tag', 'Manifest put with tag params', 'Manifest put with subject'],
  ...['Tag listing', 'Referrers'],
  ...['Tag delete', 'Tag delete atomic', 'Blob delete', 'Blob delete atomic', 'Manifest delete', 'Manifest delete atomic'],
]; // prettier-ignore

test(
  'passes every test of pull, push, content discovery and content management, sha512 included',
  async (t) => {
    const suite =
      requireGoBuild('go-tools/conformance', 'conformance', 'scripts/go-tools/build.sh conformance') ?? t.skip();
    const results = temp.join('results');
    const env = {
      OCI_VERSION: '1.1',
      OCI_REGISTRY: registry.host,
      OCI_TLS: 'disabled',
      OCI_RESULTS_DIR: results,
      ...STRICT,
    };
    const { stdout } = await run(join(suite, 'conformance'), [], { env, cwd: temp.path, maxBuffer: 64 * 1024 * 1024 });
    const verdicts = new Map(
      [...stdout.matchAll(/^  ([A-Z][\w -]*?)\.*: +(\w+)$/gm)].map(([, name, said]) => [name, said]),
    );
    expect(verdicts.get('FAIL')).toBe('0');
    expect(verdicts.get('Error')).toBe('0');
    expect(Number(verdicts.get('Pass'))).toBeGreaterThan(900);
    for (const name of INTERFACES) expect(`${name}: ${verdicts.get(name)}`).toBe(`${name}: Pass`);
    for (const name of ['Blobs sha512', 'Digest Algorithm sha512', 'Tag Param sha512'])
      expect(verdicts.get(name)).toBe('Pass');
    expect(await readFile(join(results, 'junit.xml'), 'utf8')).not.toContain('<failure');
  },
  SUITE_TIMEOUT_MS,
);
