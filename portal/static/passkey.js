// Says so when a passkey was cancelled or refused, instead of leaving it to the console.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  document.getElementById("passkey-failed").hidden = false;
});
