// A classic script, so that a chosen theme applies before the first paint.
{
  const chosen = localStorage.getItem("assay.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
