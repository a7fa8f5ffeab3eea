const form = document.getElementById("login");
const problem = document.getElementById("problem");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  problem.textContent = "";
  try {
    const answer = await fetch("/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user: form.user.value, password: form.password.value }),
    });
    if (answer.ok) {
      location.replace("/");
      return;
    }
    const { detail } = await answer.json();
    problem.textContent = typeof detail === "string" ? `Sorry: ${detail}.` : "Sorry: that cannot be right.";
  } catch {
    problem.textContent = "The dashboard does not answer. Try again in a moment.";
  }
  button.disabled = false;
  form.password.select();
});
