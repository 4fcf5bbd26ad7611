import { createTransport } from 'nodemailer';
import type { Jobs } from './job-queue.js';

export interface MailSettings {
  /** `smtp://USER:PASSWORD@HOST:PORT` or `smtps://…` */
  readonly server: string;
  readonly from: string;
}

/** Rejects when the server does not take it; the queue tries again. */
export async function sendMail({ server, from }: MailSettings, mail: Jobs['mail']): Promise<void> {
  const transport = createTransport({ url: server, connectionTimeout: 20_000, socketTimeout: 60_000 });
  try {
    await transport.sendMail({ from, to: [...mail.to], subject: mail.subject, text: mail.text });
  } finally {
    transport.close();
  }
}
