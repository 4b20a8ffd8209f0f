// Shows the OpenAPI document of this server: every operation with its fields and answers. Nothing comes from elsewhere.

const document_ = await (await fetch("/openapi.json")).json();

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function resolved(schema) {
  return schema?.$ref ? document_.components.schemas[schema.$ref.split("/").at(-1)] : schema ?? {};
}

function kind(schema) {
  if (schema.$ref) return kind(resolved(schema));
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.anyOf) return [...new Set(schema.anyOf.map(kind))].filter((name) => name !== "null").join(" or ");
  if (schema.type === "array") return `list of ${kind(schema.items ?? {})}`;
  const least = schema.minimum ?? schema.exclusiveMinimum, most = schema.maximum ?? schema.exclusiveMaximum;
  const range = least === undefined && most === undefined ? "" : ` ${least ?? ""} to ${most ?? ""}`;
  return (schema.contentMediaType || schema.format === "binary" ? "file" : schema.title && schema.properties ? schema.title : schema.type ?? "any") + range;
}

function table(fields, required) {
  const made = element("table"), head = made.createTHead().insertRow();
  for (const title of ["field", "type", "default", "about"]) head.append(element("th", title));
  const body = made.createTBody();
  for (const [name, schema] of Object.entries(fields)) {
    const row = body.insertRow();
    const usual = required.includes(name) ? "required" : schema.default === undefined || schema.default === null ? "" : JSON.stringify(schema.default);
    row.append(element("td", name, "name"), element("td", kind(schema)), element("td", usual), element("td", schema.description ?? ""));
  }
  const box = element("div", "", "scroll");
  box.tabIndex = 0; // so that a keyboard can scroll it
  box.append(made);
  return box;
}

function operation(path, method, { summary, description, requestBody, parameters = [], responses }) {
  const card = element("section", "", "card");
  card.append(element("h2", `${method.toUpperCase()} ${path}`), element("p", description ?? summary ?? ""));
  if (parameters.length) {
    const fields = Object.fromEntries(parameters.map((given) => [given.name, given.schema]));
    card.append(table(fields, parameters.filter((given) => given.required).map((given) => given.name)));
  }
  for (const [type, { schema }] of Object.entries(requestBody?.content ?? {})) {
    const body = resolved(schema);
    card.append(element("p", type), table(body.properties ?? {}, body.required ?? []));
  }
  card.append(element("p", `Answers: ${Object.keys(responses).join(", ")}`));
  return card;
}

document.getElementById("version").textContent = document_.info.version;
document.getElementById("operations").append(
  ...Object.entries(document_.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, about]) => operation(path, method, about))),
);
