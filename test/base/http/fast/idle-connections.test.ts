/** Connections that wait for the next request: to their own origin, for a while, and not without end. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IdleConnections } from '../../../../src/base/http/fast/idle-connections.ts';
import { allOf } from '../../../helpers/all-of.ts';

class Connection {
  isIdle = true;
  closed = 0;
  close(): void {
    this.closed++;
    this.isIdle = false;
  }
}

const here = new URL('https://r.example/a');
const there = new URL('https://r.example:444/a');

describe('idle connections', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('are given to the same origin only, the last one first, and once', () => {
    const idle = new IdleConnections<Connection>(1000);
    const [one, two] = [new Connection(), new Connection()];
    idle.keep(one, here);
    idle.keep(two, here);
    expect(idle.take(there)).toBeUndefined();
    expect(idle.take(new URL('http://r.example/a'))).toBeUndefined();
    expect(idle.take(new URL('https://r.example/b?c'))).toBe(two);
    expect(idle.take(here)).toBe(one);
    expect(idle.take(here)).toBeUndefined();
  });

  it('are closed when they have waited too long', () => {
    const idle = new IdleConnections<Connection>(1000);
    const one = new Connection();
    idle.keep(one, here);
    vi.setSystemTime(Date.now() + 1000);
    expect(idle.take(here)).toBe(one);
    idle.keep(one, here);
    vi.setSystemTime(Date.now() + 1001);
    expect(idle.take(here)).toBeUndefined();
    expect(one.closed).toBe(1);
  });

  it('are not kept when they are busy or closed, nor twice', () => {
    const idle = new IdleConnections<Connection>(1000);
    const [busy, kept] = [new Connection(), new Connection()];
    busy.isIdle = false;
    idle.keep(busy, here);
    idle.keep(kept, here);
    idle.keep(kept, here);
    expect(idle.take(here)).toBe(kept);
    expect(idle.take(here)).toBeUndefined();
    idle.keep(kept, here);
    kept.isIdle = false; // the server closed it
    expect(idle.take(here)).toBeUndefined();
    expect(kept.closed).toBe(1);
  });

  it('are sixteen at most, and all closed at the end', () => {
    const idle = new IdleConnections<Connection>(1000);
    const many = Array.from({ length: 20 }, () => new Connection());
    for (const connection of many) idle.keep(connection, here);
    expect(many.filter(({ closed }) => closed > 0)).toHaveLength(4);
    idle.close();
    expect(allOf(many, ({ closed }) => closed === 1)).toBe(true);
    expect(idle.take(here)).toBeUndefined();
  });
});
