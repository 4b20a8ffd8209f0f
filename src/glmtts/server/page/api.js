// Requests to the server this page came from; errors become messages a person can read.

export const key = {
  get: () => sessionStorage.getItem("glm-tts-key") ?? "",
  set: (value) => sessionStorage.setItem("glm-tts-key", value),
};

export async function request(path, options = {}) {
  const headers = { ...options.headers };
  if (key.get()) headers.Authorization = `Bearer ${key.get()}`;
  const answer = await fetch(path, { ...options, headers });
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => null);
  const error = new Error(body?.error?.message ?? `The server answered ${answer.status}.`);
  error.status = answer.status;
  throw error;
}

export async function json(path, options) {
  return (await request(path, options)).json();
}

export function post(path, body, signal) {
  return request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
}
