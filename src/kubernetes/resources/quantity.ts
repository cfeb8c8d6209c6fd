/** Amounts as Kubernetes writes them, and spans of time as Go does: `1500m`, `64Gi`, `1h30m`. */
import { UsageError } from '../../errors.ts';

/** Larger amounts are refused: from there on a number no longer holds every whole one. */
const MAX_AMOUNT = BigInt(Number.MAX_SAFE_INTEGER);
const QUANTITY = /^([0-9]{1,15})(?:\.([0-9]{1,9}))?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/;
const FACTORS: Readonly<Record<string, bigint>> = {
  k: 1000n,
  M: 1000n ** 2n,
  G: 1000n ** 3n,
  T: 1000n ** 4n,
  P: 1000n ** 5n,
  Ki: 1024n,
  Mi: 1024n ** 2n,
  Gi: 1024n ** 3n,
  Ti: 1024n ** 4n,
  Pi: 1024n ** 5n,
};
const DURATION = /^(?:([0-9]{1,5})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,9})s)?$/;
const BINARY_UNITS = ['Pi', 'Ti', 'Gi', 'Mi', 'Ki'];

/**
 * Reads an amount in thousandths, as processors are counted: `2` is 2000, `250m` is 250. A part of a thousandth counts
 * as a whole one, as it does in Kubernetes.
 * @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 * @throws UsageError `INVALID_SPEC`
 */
export function parseMilli(text: string): number {
  return read(text, 1000n);
}

/** Reads an amount in bytes, up: `64Gi`, `500M`. @throws UsageError `INVALID_SPEC` */
export function parseByteQuantity(text: string): number {
  return read(text, 1n);
}

function read(text: string, scale: bigint): number {
  const { amount: exact, divisor } = readExactly(text);
  const amount = (exact * scale + divisor - 1n) / divisor;
  if (amount > MAX_AMOUNT) throw new UsageError('INVALID_SPEC', `${text} is larger than can be counted here`);
  return Number(amount);
}

/** An amount as a fraction. */
function readExactly(text: string): { readonly amount: bigint; readonly divisor: bigint } {
  const [, whole, fraction = '', suffix = ''] = QUANTITY.exec(text) ?? [];
  if (whole === undefined) {
    throw new UsageError('INVALID_SPEC', `${JSON.stringify(text.slice(0, 60))} is no quantity of Kubernetes`, {
      hint: 'write it as 4, 1500m, 64Gi or 2T',
    });
  }
  const divisor = 10n ** BigInt(fraction.length) * (suffix === 'm' ? 1000n : 1n);
  return { amount: BigInt(whole + fraction) * (FACTORS[suffix] ?? 1n), divisor };
}

/**
 * Which of two amounts is the larger, exactly: negative for the second, 0 where they are equal. `0.5` is `500m`.
 * @throws UsageError `INVALID_SPEC` for what is no amount.
 */
export function compareQuantities(one: string, other: string): number {
  const [a, b] = [readExactly(one), readExactly(other)];
  const difference = a.amount * b.divisor - b.amount * a.divisor;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Thousandths as Kubernetes writes them: `4`, `1500m`. */
export function formatMilli(amount: number): string {
  return amount % 1000 === 0 ? String(amount / 1000) : `${amount}m`;
}

/** Bytes in the largest unit that holds them without a rest: `64Gi`, `1536Mi`. */
export function formatByteQuantity(amount: number): string {
  const unit = BINARY_UNITS.find((name) => amount > 0 && amount % Number(FACTORS[name]) === 0);
  return unit === undefined ? String(amount) : `${amount / Number(FACTORS[unit])}${unit}`;
}

/** Reads `90s`, `15m`, `1h30m` in milliseconds. @throws UsageError `INVALID_SPEC` */
export function parseDuration(text: string): number {
  const found = DURATION.exec(text);
  if (found === null || text === '') {
    throw new UsageError('INVALID_SPEC', `${JSON.stringify(text.slice(0, 60))} is no span of time`, {
      hint: 'write it as 90s, 15m, 1h30m or 72h',
    });
  }
  const [hours, minutes, seconds] = found.slice(1).map((part: string | undefined) => Number(part ?? 0));
  return (((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
}

/** Milliseconds in whole hours, minutes and seconds: `1h30m`. */
export function formatSpan(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const text = parts.flatMap(([count, unit]) => (count === 0 ? [] : [`${count}${unit}`])).join('');
  return text === '' ? '0s' : text;
}
