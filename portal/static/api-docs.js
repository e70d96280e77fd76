// What Swagger UI leaves out for those who do not see the page or have no mouse.
new MutationObserver(() => {
  for (const choice of document.querySelectorAll(".examples-select-element:not([aria-label])"))
    choice.setAttribute("aria-label", "Example")
  for (const shown of document.querySelectorAll("pre.microlight:not([tabindex])")) shown.tabIndex = 0
  for (const link of document.querySelectorAll(".opblock-summary-control a[href]")) {
    link.dataset.place = link.getAttribute("href") // the button around it opens the same place
    link.removeAttribute("href")
  }
  document.querySelector(".models > h4:not([aria-level])")?.setAttribute("aria-level", "2")
  const about = document.querySelector(".information-container:not([role])")
  about?.setAttribute("role", "region")
  about?.setAttribute("aria-label", "About the API")
}).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true })
