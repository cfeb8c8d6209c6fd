/** Files of a node are replaced whole, all or none, and what they were stays beside them. */
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { DialectName } from '../../../src/kubernetes/mirrors/dialect-names.ts';
import { DIALECTS } from '../../../src/kubernetes/mirrors/dialects.ts';
import { installMirrorFiles, type InstalledFile } from '../../../src/operations/mirror-config/install.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { mapOf } from '../../kubernetes/mirrors/map.ts';

const temp = useTempDir();
const NOW = new Date('2026-01-31T12:00:00Z');
const BACKUP = '2026-01-31T120000Z.bak';
const LINES = ['a.example/x:1=in.example/a/x:1', 'b.example/x:1=in.example/b/x:1'];
const HOSTS = ['a.example', 'b.example'].map((host) => `etc/containerd/certs.d/${host}/hosts.toml`);

beforeEach(() => mkdir(temp.join('node')));

const at = (path: string): string => temp.join('node', path);
const read = (path: string): Promise<string> => readFile(at(path), 'utf8');

async function install(format: DialectName = 'containerd', lines = LINES): Promise<readonly InstalledFile[]> {
  const dialect = DIALECTS[format];
  const node = { dialect: { ...dialect, directory: dialect.directory ?? '' }, root: temp.join('node') };
  return installMirrorFiles(node, dialect.write(mapOf(lines)).files, NOW);
}

async function write(path: string, content: string, mode = 0o644): Promise<void> {
  await mkdir(join(at(path), '..'), { recursive: true });
  await writeFile(at(path), content);
  await chmod(at(path), mode);
}

test('on a bare node every file is written, with the directories that lead to it; again, nothing changes', async () => {
  expect(await install()).toEqual(HOSTS.map((path) => ({ place: at(path), result: 'written' })));
  expect(await read(HOSTS[0] ?? '')).toContain('server = "https://in.example/v2/a"');
  const before = await Promise.all(HOSTS.map((path) => stat(at(path))));
  expect(await install()).toEqual(HOSTS.map((path) => ({ place: at(path), result: 'unchanged' })));
  const after = await Promise.all(HOSTS.map((path) => stat(at(path))));
  expect(after.map(({ ino }) => ino)).toEqual(before.map(({ ino }) => ino));
  expect(await readdir(at('etc/containerd/certs.d/a.example'))).toEqual(['hosts.toml']);
});

test('what was there stays beside it, with its mode, and the new file has that mode too', async () => {
  await write('etc/rancher/k3s/registries.yaml', 'configs: {in.example: {auth: {password: secret}}}\n', 0o600);
  const place = at('etc/rancher/k3s/registries.yaml');
  expect(await install('k3s')).toEqual([{ place, result: 'replaced', backup: `${place}.${BACKUP}` }]);
  expect(await read('etc/rancher/k3s/registries.yaml')).toMatch(/password: secret[^]*a\.example/);
  expect(await read(`etc/rancher/k3s/registries.yaml.${BACKUP}`)).toBe('configs: {in.example: {auth: {password: secret}}}\n'); // prettier-ignore
  const modes = await Promise.all([place, `${place}.${BACKUP}`].map(async (path) => (await stat(path)).mode & 0o777));
  expect(modes).toEqual([0o600, 0o600]);
});

test('a file of this product alone is replaced whole', async () => {
  await write('etc/containers/registries.conf.d/90-demo.conf', '# of the last release\n');
  await install('registries-conf');
  expect(await read('etc/containers/registries.conf.d/90-demo.conf')).not.toContain('of the last release');
});

test('when one file cannot be replaced, those before it are put back and nothing is left behind', async () => {
  await write(HOSTS[0] ?? '', 'old a\n');
  await write(HOSTS[1] ?? '', 'old b\n');
  // The name for what it was is taken.
  await write(`${HOSTS[1] ?? ''}.${BACKUP}`, 'older b\n');
  await expect(install()).rejects.toMatchObject({ message: expect.stringContaining(at(HOSTS[1] ?? '')) as string });
  expect(await Promise.all(HOSTS.map(read))).toEqual(['old a\n', 'old b\n']);
  expect(await readdir(at('etc/containerd/certs.d/a.example'))).toEqual(['hosts.toml']);
  expect(await readdir(at('etc/containerd/certs.d/b.example'))).toEqual(['hosts.toml', `hosts.toml.${BACKUP}`]);
});

test('a file that was new is gone again when a later one cannot be replaced', async () => {
  await write(HOSTS[1] ?? '', 'old b\n');
  await write(`${HOSTS[1] ?? ''}.${BACKUP}`, 'older b\n');
  await expect(install()).rejects.toThrow('cannot keep');
  expect(await readdir(at('etc/containerd/certs.d/a.example'))).toEqual([]);
});

describe('what is refused before anything is written', () => {
  test('a link in the place of a file', async () => {
    await write('managed.toml', 'managed\n');
    await mkdir(at('etc/containerd/certs.d/b.example'), { recursive: true });
    await symlink('../../../../managed.toml', at(HOSTS[1] ?? ''));
    await expect(install()).rejects.toMatchObject({ code: 'USAGE', message: `${at(HOSTS[1] ?? '')} is a link` });
    expect(await readdir(at('etc/containerd/certs.d'))).toEqual(['b.example']);
    expect(await read('managed.toml')).toBe('managed\n');
  });

  test('a directory in the place of a file', async () => {
    await mkdir(at(HOSTS[0] ?? ''), { recursive: true });
    await expect(install()).rejects.toMatchObject({ message: `${at(HOSTS[0] ?? '')} is a directory` });
  });

  test("a link that leads out of the node's file system", async () => {
    await mkdir(temp.join('elsewhere'));
    await mkdir(at('etc'));
    await symlink(temp.join('elsewhere'), at('etc/containerd'));
    await expect(install()).rejects.toMatchObject({
      code: 'USAGE',
      message: `${at('etc/containerd')} leads out of ${temp.join('node')}, to ${temp.join('elsewhere')}`,
    });
    expect(await readdir(temp.join('elsewhere'))).toEqual([]);
  });

  test('a file of others that its reader would not take', async () => {
    await write('etc/docker/daemon.json', '{"registry-mirrors": "one"}');
    const lines = ['nginx:1=in.example/library/nginx:1'];
    await expect(install('docker', lines)).rejects.toMatchObject({ code: 'INVALID_SPEC', message: `${at('etc/docker/daemon.json')} registry-mirrors is no list` }); // prettier-ignore
  });

  test('a root that is not there', async () => {
    const { containerd } = DIALECTS;
    const node = { dialect: { ...containerd, directory: containerd.directory ?? '' }, root: temp.join('no') };
    await expect(installMirrorFiles(node, containerd.write(mapOf(LINES)).files, NOW)).rejects.toThrow(temp.join('no'));
    expect(await readdir(temp.path)).toEqual(['node']);
  });
});
