/**
 * What a disk may hold after a power cut: work is done in a real directory, what it flushed is noted, and everything else
 * may be there or not. A file that was not flushed may be as it was, be torn, have its length but not its bytes, or be
 * whole; a name that was not flushed may be the old one or the new one.
 */
import fs from 'node:fs';
import fsPromises from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { seededRandom } from '../e2e/support/random.ts';

/** Bytes that a disk writes whole or not at all. */
const SECTOR_BYTES = 512;
/** Disks that are drawn at random at each moment, each file and directory for itself. */
const DRAWS = 2;
const EMPTY = Buffer.alloc(0);

/** What a disk holds: the content of files and the names of directories, by their path below the root. */
export class DiskState {
  /** What the work had just done, or was about to. */
  readonly moment: string;
  readonly paths: ReadonlyMap<string, Buffer | 'directory'>;

  constructor(moment: string, paths: ReadonlyMap<string, Buffer | 'directory'>) {
    this.moment = moment;
    this.paths = paths;
  }

  /** The content of a file; undefined where there is none. */
  file(path: string): Buffer | undefined {
    const found = this.paths.get(path);
    return found === 'directory' ? undefined : found;
  }

  /** Paths of the files below a directory, relative to it. */
  filesBelow(directory: string): readonly string[] {
    const below = [...this.paths].filter(([path, found]) => found !== 'directory' && path.startsWith(`${directory}/`));
    return below.map(([path]) => path.slice(directory.length + 1)).sort();
  }

  /** Puts it on a real disk, as the machine finds it when it has started again: locks are those of another boot. */
  restore(directory: string): void {
    fs.mkdirSync(directory, { recursive: true });
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    for (const [path, found] of this.paths) {
      const place = join(directory, path);
      if (found === 'directory') fs.mkdirSync(place, { recursive: true });
      else if (!/\.lock(\..*)?$/.test(path)) fs.writeFileSync(place, found);
      else fs.writeFileSync(place, found.toString('utf8').replace(boot, boot.replace(/^./, 'x')));
    }
  }
}

/** What {@link cutPower} found. */
export interface PowerCuts<T> {
  readonly result: T;
  /** Every disk that a cut before the end could leave, each once. */
  readonly during: readonly DiskState[];
  /** Every disk that a cut after the end could leave. */
  readonly after: readonly DiskState[];
  /** Paths that were flushed, in order; a directory ends in `/`. */
  readonly flushed: readonly string[];
}

/** Options of {@link cutPower}. */
export interface CutOptions {
  /** The flush that fails with EIO, counted from 0: what was written is then lost, as it is on a disk that dies. */
  readonly failsAt?: number;
}

/**
 * Does the work and says what every power cut could leave of it. What lies below `root` at the start is on disk.
 * One at a time in a process, since it stands between the process and its file system.
 */
export async function cutPower<T>(
  root: string,
  work: () => Promise<T>,
  options: CutOptions = {},
): Promise<PowerCuts<T>> {
  const disk = new RecordedDisk(fs.realpathSync(root), options);
  const restore = await intercept(disk);
  let result: T;
  try {
    result = await work();
  } finally {
    restore();
  }
  return { result, during: disk.takeStates(), after: disk.finish(), flushed: disk.flushed };
}

/** Does the work and waits for no disk: for what a test does before and after, on a machine whose disk is busy. */
export async function withoutFlushing<T>(work: () => Promise<T>): Promise<T> {
  const restore = await intercept({
    isBelow: (_: unknown): _ is string => false,
    look: () => undefined,
    flush: () => undefined,
  });
  try {
    return await work();
  } finally {
    restore();
  }
}

type NodeId = string;
type Names = ReadonlyMap<string, NodeId>;
type Choice = 'old' | 'torn' | 'blank' | 'new';

/** The directory as it is, and what of it is sure to outlast a power cut. */
class RecordedDisk {
  readonly #root: string;
  readonly #failsAt: number | undefined;
  readonly #random = seededRandom(1);
  /** What was flushed. What is in neither was never flushed: it is empty. */
  readonly #files = new Map<NodeId, Buffer>();
  readonly #directories = new Map<NodeId, Names>();
  #states = new Map<string, DiskState>();
  readonly #interned = new Map<string, Buffer>();
  readonly #hashes = new WeakMap<Buffer, string>();
  readonly flushed: string[] = [];
  #flushes = 0;

  constructor(root: string, { failsAt }: CutOptions) {
    this.#root = root;
    this.#failsAt = failsAt;
    const { files, directories } = this.#look();
    for (const [id, bytes] of files) this.#files.set(id, bytes);
    for (const [id, names] of directories) this.#directories.set(id, names);
  }

  isBelow(path: unknown): path is string {
    return typeof path === 'string' && (path === this.#root || path.startsWith(`${this.#root}/`));
  }

  /** Where an open file has its name, if it is of this disk; one without a name has none. */
  pathOf(fd: number): string | undefined {
    const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
    return this.isBelow(path) ? path.replace(/ \(deleted\)$/, '') : undefined;
  }

  /** Takes what an open file holds for flushed. The real disk is not asked to, which would show nothing more. */
  flush(fd: number): void {
    const path = this.pathOf(fd);
    if (path === undefined) return;
    this.look(`before the flush of ${path}`);
    if (this.#flushes++ === this.#failsAt) {
      throw Object.assign(new Error(`EIO: i/o error, fsync '${path}'`), { code: 'EIO', errno: -5, syscall: 'fsync' });
    }
    const found = fs.fstatSync(fd, { bigint: true });
    if (found.isDirectory()) this.#directories.set(idOf(found), namesIn(path));
    else this.#files.set(idOf(found), fs.readFileSync(`/proc/self/fd/${fd}`));
    this.flushed.push(`${path.slice(this.#root.length + 1)}${found.isDirectory() ? '/' : ''}`);
  }

  /** Notes what a cut at this moment could leave. */
  look(moment: string): void {
    const now = this.#look();
    for (const names of ['old', 'new'] as const) {
      for (const choice of ['old', 'torn', 'blank', 'new'] as const)
        this.#note(
          moment,
          now,
          () => names === 'new',
          () => choice,
        );
    }
    const choices = ['old', 'torn', 'blank', 'new'] as const;
    for (let draw = 0; draw < DRAWS; draw++) {
      const isNew = memoized(() => this.#random() < 0.5);
      const content = memoized(() => choices[Math.floor(this.#random() * choices.length)] ?? 'old');
      this.#note(moment, now, isNew, content);
    }
  }

  /** The disks since the last call, without those that are equal. */
  takeStates(): readonly DiskState[] {
    const states = [...this.#states.values()];
    this.#states = new Map();
    return states;
  }

  finish(): readonly DiskState[] {
    this.look('when all was done');
    return this.takeStates();
  }

  #note(moment: string, now: Look, isNew: (id: NodeId) => boolean, choose: (id: NodeId) => Choice): void {
    const paths = new Map<string, Buffer | 'directory'>();
    const keys: string[] = [];
    const visit = (directory: NodeId, path: string): void => {
      const old = this.#directories.get(directory) ?? new Map<string, NodeId>();
      const names = (isNew(directory) ? now.directories.get(directory) : undefined) ?? old;
      for (const [name, id] of names) {
        const place = path === '' ? name : `${path}/${name}`;
        if (now.directories.has(id) || this.#directories.has(id)) {
          paths.set(place, 'directory');
          keys.push(`${place}/`);
          visit(id, place);
          continue;
        }
        const before = this.#files.get(id) ?? EMPTY;
        const bytes = this.#intern(survivor(before, now.files.get(id) ?? before, choose(id)));
        paths.set(place, bytes.bytes);
        keys.push(`${place} ${bytes.hash}`);
      }
    };
    visit(now.root, '');
    const key = keys.sort().join('\n');
    if (!this.#states.has(key)) this.#states.set(key, new DiskState(moment, paths));
  }

  #intern(bytes: Buffer): { readonly hash: string; readonly bytes: Buffer } {
    const hash = this.#hashes.get(bytes) ?? createHash('sha256').update(bytes).digest('hex');
    this.#hashes.set(bytes, hash);
    const known = this.#interned.get(hash) ?? bytes;
    this.#interned.set(hash, known);
    return { hash, bytes: known };
  }

  /** Everything below the root, as the process sees it. Another thread may take a name away meanwhile. */
  #look(): Look {
    const files = new Map<NodeId, Buffer>();
    const directories = new Map<NodeId, Names>();
    const visit = (path: string): NodeId | undefined => {
      const found = ifThere(() => fs.lstatSync(path, { bigint: true }));
      if (found === undefined) return undefined;
      const id = idOf(found);
      if (found.isFile()) files.set(id, ifThere(() => fs.readFileSync(path)) ?? EMPTY);
      if (!found.isDirectory()) return id;
      const names = new Map<string, NodeId>();
      for (const name of ifThere(() => fs.readdirSync(path)) ?? []) {
        const child = visit(join(path, name));
        if (child !== undefined) names.set(name, child);
      }
      directories.set(id, names);
      return id;
    };
    return { root: visit(this.#root) ?? '', files, directories };
  }
}

interface Look {
  readonly root: NodeId;
  readonly files: ReadonlyMap<NodeId, Buffer>;
  readonly directories: ReadonlyMap<NodeId, Names>;
}

/** A number of a file is used again when the file is gone; with its time of birth it is not. */
function idOf({ ino, birthtimeNs }: fs.BigIntStats): NodeId {
  return `${ino}/${birthtimeNs}`;
}

function namesIn(directory: string): Names {
  const names = fs.readdirSync(directory).flatMap((name): [string, NodeId][] => {
    const found = ifThere(() => fs.lstatSync(join(directory, name), { bigint: true }));
    return found === undefined ? [] : [[name, idOf(found)]];
  });
  return new Map(names);
}

function survivor(before: Buffer, now: Buffer, choice: Choice): Buffer {
  if (choice === 'old' || before.equals(now)) return before;
  if (choice === 'new') return now;
  if (now.length > before.length && now.subarray(0, before.length).equals(before)) {
    const taken = choice === 'torn' ? now.subarray(before.length, (before.length + now.length) >> 1) : undefined;
    return Buffer.concat([before, taken ?? Buffer.alloc(now.length - before.length)]);
  }
  const middle = SECTOR_BYTES * Math.floor(now.length / 2 / SECTOR_BYTES);
  return Buffer.concat([now.subarray(0, middle), before.subarray(middle)]);
}

function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function catching(work: () => void): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}

function memoized<T>(choose: () => T): (id: NodeId) => T {
  const chosen = new Map<NodeId, T>();
  return (id) => {
    const known = chosen.get(id) ?? choose();
    chosen.set(id, known);
    return known;
  };
}

type AnyFunction = (this: unknown, ...args: never[]) => unknown;
type Replaced = Record<string, AnyFunction>;

/** Calls that change names, at which disks are looked at. Whatever else changes a file shows at the next of them. */
const NAMING = ['rename', 'link', 'rm', 'unlink', 'mkdir', 'rmdir', 'symlink', 'writeFile', 'copyFile', 'truncate'];

/** Stands between this process and its disk until the returned function is called. */
async function intercept(disk: Pick<RecordedDisk, 'isBelow' | 'look' | 'flush'>): Promise<() => void> {
  const undo: (() => void)[] = [];
  const replace = (owner: object, name: string, make: (real: AnyFunction) => AnyFunction): void => {
    const owned = owner as Replaced;
    const real = owned[name];
    if (real === undefined) throw new Error(`Node has no ${name}`);
    owned[name] = make(real);
    undo.push(() => (owned[name] = real));
  };
  for (const name of NAMING) {
    replace(fsPromises, name, (real) => async (...args) => {
      const paths = (args as unknown[]).filter((arg) => disk.isBelow(arg));
      if (paths.length > 0) disk.look(`before ${name} ${paths.join(' ')}`);
      return await real.apply(fsPromises, args);
    });
  }
  for (const name of ['fsync', 'fdatasync']) {
    replace(fs, name, () => (...args) => {
      const [fd, callback] = args as unknown as [number, (error: unknown) => void];
      const failure = catching(() => disk.flush(fd));
      process.nextTick(callback, failure ?? null);
    });
    replace(fs, `${name}Sync`, () => (fd: number) => disk.flush(fd));
  }
  await using handle = await fsPromises.open('/proc/self/fd', 'r');
  for (const name of ['sync', 'datasync']) {
    replace(Object.getPrototypeOf(handle) as object, name, () => flushHandle);
  }
  async function flushHandle(this: unknown): Promise<void> {
    disk.flush((this as fsPromises.FileHandle).fd);
  }
  syncBuiltinESMExports();
  return () => {
    for (const step of undo.reverse()) step();
    syncBuiltinESMExports();
  };
}
