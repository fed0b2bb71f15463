// A real Git LFS server (giftless) on a loopback port, and a proxy that makes it fail on demand.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {
  type ClientRequest,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { python } from './env';
import { hashFile } from './scratch';

const START_TIMEOUT = 60_000;

export interface LfsServer {
  /** For example `http://127.0.0.1:40000`. */
  origin: string;
  /** The value for `lfs.url`. */
  url(org: string, repo: string): string;
  storageDir: string;
  /** The ids of the objects that are stored complete, sorted. */
  objects(): Promise<string[]>;
  stop(): Promise<void>;
}

const lfsUrl = (origin: string) => (org: string, repo: string) =>
  `${origin}/${org}/${repo}.git/info/lfs`;

/** Starts a server with an empty store. Stop it in `afterAll`. */
export async function startLfsServer(): Promise<LfsServer> {
  const interpreter = python();
  if (!interpreter || process.platform === 'win32') {
    throw new Error('the LFS server needs the test environment (npm run test:setup) and a Unix');
  }
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'git-theta-lfs-')));
  const storageDir = join(dir, 'objects');
  // Its workers would race for making it, and the server ends when one of them loses.
  mkdirSync(storageDir);
  // JSON is YAML.
  const config = {
    LEGACY_ENDPOINTS: false,
    TRANSFER_ADAPTERS: {
      basic: {
        factory: 'giftless.transfer.basic_streaming:factory',
        options: {
          storage_class: 'giftless.storage.local_storage:LocalStorage',
          storage_options: { path: storageDir },
        },
      },
    },
    AUTH_PROVIDERS: ['giftless.auth.allow_anon:read_write'],
  };
  writeFileSync(join(dir, 'giftless.yaml'), JSON.stringify(config));
  const settings = join(__dirname, 'lfs_server.conf.py');
  const app = 'giftless.wsgi_entrypoint:app';
  const server = spawn(interpreter, ['-m', 'gunicorn', '--config', settings, app], {
    cwd: dir,
    env: { ...process.env, GIFTLESS_CONFIG_FILE: join(dir, 'giftless.yaml') },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const stop = async () => {
    await end(server);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const origin = `http://127.0.0.1:${await port(server)}`;
    await answers(origin);
    return { origin, url: lfsUrl(origin), storageDir, objects: () => complete(storageDir), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits for the line that says the port. */
function port(server: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why: string) => reject(new Error(`LFS server: ${why}\n${said}`));
    const timer = setTimeout(() => fail('not ready in time'), START_TIMEOUT);
    // Keep reading afterwards: a full pipe would block the server.
    server.stderr?.on('data', (data: Buffer) => {
      said = (said + data.toString()).slice(-8000);
    });
    let line = '';
    server.stdout?.on('data', (data: Buffer) => {
      line += data.toString();
      const found = line.match(/^port (\d+)\n/m);
      if (!found) return;
      clearTimeout(timer);
      resolve(Number(found[1]));
    });
    server.on('error', (error) => fail(error.message));
    server.on('exit', (code) => {
      clearTimeout(timer);
      fail(`ended with code ${code}`);
    });
  });
}

/** The socket listens before the application is loaded: wait for a first response. */
async function answers(origin: string): Promise<void> {
  const response = await fetch(origin, { signal: AbortSignal.timeout(START_TIMEOUT) });
  await response.arrayBuffer();
}

/** Ends the server and its workers: politely, then by force. */
async function end(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode) return;
  const exited = once(server, 'exit');
  process.kill(-server.pid, 'SIGTERM');
  const late = delay(5000, 'late', { ref: false });
  if ((await Promise.race([exited, late])) === 'late') process.kill(-server.pid, 'SIGKILL');
  await exited;
}

async function complete(storageDir: string): Promise<string[]> {
  if (!existsSync(storageDir)) return [];
  const found: string[] = [];
  for (const entry of readdirSync(storageDir, { recursive: true, withFileTypes: true })) {
    // An upload cut short leaves a file that is not the object it is named after.
    if (!entry.isFile() || !/^[0-9a-f]{64}$/.test(entry.name)) continue;
    if ((await hashFile(join(entry.parentPath, entry.name))) === entry.name) found.push(entry.name);
  }
  return found.sort();
}

export interface FaultyProxy {
  origin: string;
  /** The value for `lfs.url`: like the server's, through the proxy. */
  url(org: string, repo: string): string;
  /**
   * Lets `uploads` more uploads through, then answers each with status 500 (`error`) or cuts the
   * connection in the middle of it (`drop`), until `heal`.
   */
  failAfter(uploads: number, how: 'error' | 'drop'): void;
  heal(): void;
  /** Uploads that reached the server, and uploads that were made to fail. */
  readonly passed: number;
  readonly refused: number;
  stop(): Promise<void>;
}

/** A proxy in front of an LFS server, healthy at first. Stop it in `afterAll`. */
export async function faultyProxy(target: { origin: string }): Promise<FaultyProxy> {
  let left = Number.POSITIVE_INFINITY;
  let mode: 'error' | 'drop' = 'error';
  const count = { passed: 0, refused: 0 };

  const refuse = (request: IncomingMessage, response: ServerResponse) => {
    count.refused += 1;
    if (mode === 'error') {
      request.resume();
      request.on('end', () => response.writeHead(500).end('broken on purpose'));
    } else
      request
        .once('data', () => request.socket.destroy())
        .on('end', () => request.socket.destroy());
  };

  const server = createServer((request, response) => {
    if (request.method === 'PUT') {
      if (left <= 0) {
        refuse(request, response);
        return;
      }
      left -= 1;
      count.passed += 1;
    }
    forward(target.origin, request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    url: lfsUrl(origin),
    failAfter(uploads, how) {
      left = uploads;
      mode = how;
    },
    heal() {
      left = Number.POSITIVE_INFINITY;
    },
    get passed() {
      return count.passed;
    },
    get refused() {
      return count.refused;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function forward(origin: string, request: IncomingMessage, response: ServerResponse): void {
  const { method, headers } = request;
  // The client's Host header goes along: the server builds the addresses of uploads and downloads
  // from it, so the transfers come through the proxy as well.
  const onward: ClientRequest = httpRequest(new URL(request.url ?? '/', origin), {
    method,
    headers,
  });
  onward.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}
