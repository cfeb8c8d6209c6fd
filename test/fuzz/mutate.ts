/** Mutators for bytes, tar blocks and JSON values. Each is a function of its input and a source of random numbers alone. */

/** Gives numbers from 0 up to, but not including, 1. */
export type Random = () => number;

/** Numbers, texts and values that readers trip over. */
const NUMBERS = [-1, 0, 1, 511, 512, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53 - 1, 2 ** 53, 1e308, 0.5];
const TEXTS = ['', '.', '..', '../x', '/etc/passwd', 'a\\b', 'C:x', 'con', '__proto__', 'a\nb', '\u202e', '\0', 'ſize', 'x'.repeat(600)]; // prettier-ignore
const PIECES = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\',
  '\\u0061',
  '\uFEFF',
  '\0',
  '\n',
  ' ',
  '1e9',
  '-',
  'null',
  '//',
];
/** Fields of a tar header: offset and length. */
const FIELDS = [[0, 100], [100, 8], [108, 8], [124, 12], [136, 12], [156, 1], [157, 100], [257, 8], [345, 155]] as const; // prettier-ignore

export function integer(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

export function pick<T>(random: Random, values: readonly T[]): T {
  const value = values[integer(random, values.length)];
  if (value === undefined) throw new RangeError('nothing to pick from');
  return value;
}

/** Flips, overwrites, inserts, removes, doubles or moves stretches, of single bytes or whole blocks. */
export function mutateBytes(random: Random, bytes: Buffer, unit = pick(random, [1, 1, 512])): Buffer {
  let result: Buffer = Buffer.from(bytes);
  for (let rounds = 1 + integer(random, 3); rounds > 0; rounds--) {
    const at = integer(random, Math.floor(result.length / unit) + 1) * unit;
    const length = (1 + integer(random, 4)) * unit;
    const [before, stretch, after] = [
      result.subarray(0, at),
      result.subarray(at, at + length),
      result.subarray(at + length),
    ];
    const noise = Buffer.from(Array.from({ length }, () => integer(random, 256)));
    const elsewhere = integer(random, Math.floor(result.length / unit) + 1) * unit;
    result = pick<() => Buffer>(random, [
      () => Buffer.concat([before, Buffer.from(stretch.map((byte) => byte ^ (1 << integer(random, 8)))), after]),
      () => Buffer.concat([before, noise.subarray(0, stretch.length), after]),
      () => Buffer.concat([before, noise, stretch, after]),
      () => Buffer.concat([before, Buffer.alloc(length), stretch, after]),
      () => Buffer.concat([before, after]),
      () => Buffer.concat([before, stretch, stretch, after]),
      () => before,
      () => Buffer.concat([result.subarray(0, elsewhere), stretch, result.subarray(elsewhere)]),
      () => Buffer.concat([result, result.subarray(elsewhere)]),
    ])();
  }
  return result;
}

/** Changes one field of one tar header and makes its checksum right again. */
export function mutateHeader(random: Random, bytes: Buffer, headers: readonly number[]): Buffer {
  const result = Buffer.from(bytes);
  const at = pick(random, headers);
  const header = result.subarray(at, at + 512);
  const [offset, length] = pick(random, FIELDS);
  const field = header.subarray(offset, offset + length);
  pick<() => unknown>(random, [
    () => field.set(Buffer.from(Array.from(field, () => integer(random, 256)))),
    () => field.fill(0),
    () => field.write(pick(random, TEXTS).slice(0, length)),
    () =>
      field.write(
        integer(random, 2 ** 30)
          .toString(8)
          .padStart(length - 1, '0'),
      ),
    () =>
      field
        .fill(0)
        .fill(0x80, 0, 1)
        .fill(0xff, length - 1),
    () => field.write(pick(random, [...'1234567xgLKSV'])),
  ])();
  header.fill(0x20, 148, 156);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  return result;
}

/** Puts pieces of syntax into a text, takes some out, doubles some. */
export function mutateText(random: Random, text: string): string {
  let result = text;
  for (let rounds = 1 + integer(random, 4); rounds > 0; rounds--) {
    const at = integer(random, result.length + 1);
    const length = integer(random, 40);
    const piece = pick(random, [pick(random, PIECES), pick(random, TEXTS), result.slice(at, at + length), '']);
    result = result.slice(0, at) + piece + result.slice(at + (random() < 0.5 ? 0 : length));
  }
  return result;
}

/** Changes one value or key somewhere in a JSON document. */
export function mutateJson(random: Random, root: unknown): unknown {
  const copy = structuredClone(root);
  const places: (readonly [object, string])[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      places.push([value, key]);
      visit((value as Record<string, unknown>)[key]);
    }
  };
  visit(copy);
  if (places.length === 0) return copy;
  for (let rounds = 1 + integer(random, 2); rounds > 0; rounds--) {
    const [holder, key] = pick(random, places);
    const [other, otherKey] = pick(random, places);
    change(
      random,
      holder as Record<string, unknown>,
      key,
      structuredClone((other as Record<string, unknown>)[otherKey]),
    );
  }
  return copy;
}

function change(random: Random, holder: Record<string, unknown>, key: string, other: unknown): void {
  const value = holder[key];
  const set = (to: unknown): void => {
    if (Array.isArray(holder) || Object.hasOwn(holder, key)) holder[key] = to;
  };
  pick<() => unknown>(random, [
    () => set(pick(random, NUMBERS)),
    () => set(pick(random, TEXTS)),
    () => set(typeof value === 'number' ? value + pick(random, [-1, 1]) : pick(random, [null, true, [], {}])),
    () => set(structuredClone(other)),
    () => set(typeof value === 'string' ? mutateText(random, value) : value),
    () => (Array.isArray(holder) ? holder.splice(Number(key), 1) : delete holder[key]),
    () => (Array.isArray(value) ? value.reverse() : set(value)),
    () => (Array.isArray(value) ? value.push(structuredClone(value[0] as unknown)) : set(value)),
    () => (Array.isArray(holder) ? holder.splice(0, 0, other) : (holder[pick(random, TEXTS)] = value)),
    () => (Array.isArray(holder) ? holder.sort() : (holder[key.toUpperCase()] = other)),
  ])();
}
