"""Sign-in with the identity that one's own government gives: Login.gov and デジタル認証アプリ, by OpenID Connect."""
