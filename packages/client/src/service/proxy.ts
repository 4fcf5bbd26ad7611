// How connections are made: through a proxy, and believing which authorities. Node's own fetch knows no proxy. undici's agent is set for the whole process, so that both the service and the repository go through it; it
// is loaded only when it is needed, because it costs a tenth of a second.

import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { InputError, UsageError } from '@resplice/report';
import type { Configuration } from '../configuration.js';

export interface ProxyChoice {
  readonly http: string | undefined;
  readonly https: string | undefined;
  readonly except: string | undefined;
}

/** Pure: undefined without a proxy. The configuration wins over the environment. */
export function chooseProxy(
  { proxy, noProxy }: Pick<Configuration, 'proxy' | 'noProxy'>,
  environment: NodeJS.ProcessEnv,
): ProxyChoice | undefined {
  if (proxy === 'none') return undefined;
  const named = (name: string) => environment[name] || environment[name.toUpperCase()] || undefined;
  // Not HTTP_PROXY in capitals, which a web server sets from a header of whoever asks it (CVE-2016-5385).
  const http = proxy ?? environment.http_proxy ?? undefined;
  const https = proxy ?? named('https_proxy') ?? http;
  if (!http && !https) return undefined;
  return { http: http || undefined, https: https || undefined, except: noProxy ?? named('no_proxy') };
}

/** Throws UsageError `proxy-malformed`, InputError `ca-file-not-readable`. */
export async function useProxy(choice: ProxyChoice | undefined, caFile?: string): Promise<void> {
  if (choice === undefined && caFile === undefined) return;
  for (const address of [choice?.http, choice?.https]) {
    if (address !== undefined && !/^https?:\/\/[^/]/.test(address)) {
      const message = `${address}: is no address of a proxy; set it to http://HOST:PORT, or "proxy = none" in the configuration`;
      throw new UsageError('proxy-malformed', message);
    }
  }
  const authorities = caFile === undefined ? {} : { ca: [...rootCertificates, readAuthorities(caFile)] };
  const { Agent, EnvHttpProxyAgent, setGlobalDispatcher } = await import('undici');
  const options = { connect: authorities, requestTls: authorities, proxyTls: authorities };
  setGlobalDispatcher(
    choice === undefined
      ? new Agent(options)
      : new EnvHttpProxyAgent({
          ...options,
          httpProxy: choice.http ?? '',
          httpsProxy: choice.https ?? '',
          noProxy: choice.except ?? '',
        }),
  );
}

function readAuthorities(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const message = `${file}: the certificates that "ca-file" names cannot be read; correct it in the configuration`;
    throw new InputError('ca-file-not-readable', message, { context: { file }, cause });
  }
}
