/** The reader of strace's lines: what it overlooks would be overlooked by every proof that builds on it. */
import { describe, expect, test } from 'vitest';
import { parseTrace } from './system-trace.ts';

const parse = (...lines: readonly string[]): ReturnType<typeof parseTrace> =>
  parseTrace(lines.map((line) => `12 ${line}\n`).join(''), '/site');

describe('files', () => {
  test.each([
    ['openat(AT_FDCWD</site>, "a.tar", O_RDONLY|O_CLOEXEC) = 3</site/a.tar>', '/site/a.tar', false],
    ['openat(AT_FDCWD</site>, "/etc/passwd", O_RDONLY) = 3</etc/passwd>', '/etc/passwd', false],
    ['openat(AT_FDCWD</site>, "/etc/absent", O_RDONLY) = -1 ENOENT (No such file or directory)', '/etc/absent', false],
    ['openat(5</srv/site>, "../x", O_RDWR|O_CREAT, 0644) = 6</srv/x>', '/srv/x', true],
    ['openat(AT_FDCWD</site>, "b", O_WRONLY|O_APPEND <unfinished ...>', '/site/b', true],
    ['open("c", O_RDONLY) = 3</site/c>', '/site/c', false],
    ['creat("c", 0644) = 3</site/c>', '/site/c', true],
    ['unlink("state/a b") = 0', '/site/state/a b', true],
    ['mkdir("/srv/new", 0777) = 0', '/srv/new', true],
  ])('%s', (line, path, isWriting) => {
    expect(parse(line).files).toEqual([expect.objectContaining({ path, isWriting })]);
  });

  test('both names of a call that has two', () => {
    const { files } = parse('rename("a.new", "a") = 0', 'linkat(AT_FDCWD</site>, "a", 7</srv>, "b", 0) = 0');
    expect(files.map(({ path }) => path)).toEqual(['/site/a.new', '/site/a', '/site/a', '/srv/b']);
  });
});

test('addresses, and connected sockets that name none', () => {
  const { addresses } = parse(
    'connect(9<socket:[1]>, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.1")}, 16) = -1 EINPROGRESS',
    'sendto(9<socket:[1]>, ""..., 40, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.53")}, 16) = 40',
    'sendto(9<socket:[1]>, ""..., 40, MSG_NOSIGNAL, NULL, 0) = 40',
    'connect(9<socket:[2]>, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT',
    'bind(9<socket:[1]>, {sa_family=AF_INET6, sin6_port=htons(80), inet_pton(AF_INET6, "::", &sin6_addr)}, 28 <unfinished ...>',
  );
  expect(addresses.map(({ call, address, port }) => `${call} ${address} ${port}`)).toEqual([
    ...['connect 192.0.2.1 443', 'sendto 192.0.2.53 53', 'connect /var/run/nscd/socket 0', 'bind :: 80'],
  ]);
});

test('programs and processes, and no threads', () => {
  const { programs, forks } = parse(
    'execve("/usr/bin/node", ["node"], 0x7ff /* 10 vars */) = 0',
    'clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD, stack=0x7f}, 88) = 13',
    'clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD) = 14',
    'vfork() = 15',
    'execve("/bin/sh", ["sh"], 0x7ff /* 10 vars */) = 0',
  );
  expect({ programs, forks }).toEqual({ programs: ['/usr/bin/node', '/bin/sh'], forks: 2 });
});
